/** What a job told so far, and what it tells while somebody watches: its metrics as series, and its log. */
import { Failure, ROOT, ask, v1 } from "./api.js";
import { useEffect, useRef, useState } from "./html.js";

const POINTS = 500;
const LINES = 500;
const MOST_LIVE_POINTS = 2000;
const AGAIN_MILLISECONDS = 3000;
const DRAW_MILLISECONDS = 250;

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {string} unit             what x counts: "tokens"
 * @property {[number, number][]} points  in the order of x, each x once
 *
 * @typedef {object} Line  of the log
 * @property {number} id
 * @property {string} at
 * @property {string} text
 * @property {"log" | "status"} type
 *
 * @typedef {object} History
 * @property {Map<string, Series>} series
 * @property {Line[]} lines
 * @property {object | null} progress  the newest that was told live
 * @property {Failure | undefined} failure
 * @property {boolean} isKnown  whether the past is here
 */

/**
 * The job's history, kept up to date by its events while `live`.
 * @param {string} id
 * @param {{ live: boolean, onStatus: () => void }} options  `onStatus` is called when its status has changed
 * @returns {History}
 */
export function useJobHistory(id, { live, onStatus }) {
  const [, setDrawn] = useState(0);
  const kept = useRef(null);
  const told = useRef(onStatus);
  told.current = onStatus;
  kept.current ??= new Kept(id);
  useEffect(() => {
    const history = kept.current;
    history.onChange = () => setDrawn((drawn) => drawn + 1);
    history.onStatus = () => told.current();
    if (live) history.listen();
    history.load();
    return () => history.stop();
  }, [id, live]);
  return kept.current;
}

/** A history as it grows. */
class Kept {
  constructor(id) {
    this.id = id;
    this.series = new Map();
    this.lines = [];
    this.progress = null;
    this.failure = undefined;
    this.isKnown = false;
    this.early = [];
    this.livePoints = 0;
    this.onChange = () => {};
    this.onStatus = () => {};
  }

  /** Ask for the past. What is told meanwhile waits, so that nothing is lost between the two. */
  async load() {
    this.isKnown = false;
    try {
      const accept = "application/json";
      const [metrics, page] = await Promise.all([
        ask(`${v1("jobs", this.id, "metrics")}?points=${POINTS}`, { accept }),
        ask(`${v1("jobs", this.id, "events")}?type=log&type=status&last=${LINES}&limit=${LINES}`, { accept }),
      ]);
      this.series = new Map(metrics.series.map((series) => [series.name, past(series)]));
      this.lines = page.items.map((event) => line(event.id, event.type, event.data, event.created_at));
      this.livePoints = 0;
      this.failure = undefined;
      this.isKnown = true;
      this.early.splice(0).forEach((event) => this.hear(event));
    } catch (failure) {
      this.failure = failure;
    }
    this.onChange();
  }

  /** Open the stream, from the newest event on. The browser opens it again, where it was, if it breaks off. */
  listen() {
    this.stop();
    const stream = new EventSource(new URL(`${v1("jobs", this.id, "events")}?last=1`, ROOT));
    this.stream = stream;
    for (const type of ["status", "progress", "metric", "log"]) {
      stream.addEventListener(type, (message) => {
        const { created_at: at, ...data } = JSON.parse(message.data);
        const event = { id: Number(message.lastEventId), type, data, at };
        if (this.isKnown) this.hear(event);
        else this.early.push(event);
      });
    }
    stream.addEventListener("error", () => {
      // A refusal ends it for good: the browser leaves asking again to us.
      if (stream.readyState === EventSource.CLOSED && stream === this.stream) {
        this.again = setTimeout(() => (this.listen(), this.load()), AGAIN_MILLISECONDS);
      }
    });
  }

  stop() {
    this.stream?.close();
    this.stream = undefined;
    clearTimeout(this.again);
    clearTimeout(this.drawing);
    this.drawing = undefined;
  }

  hear({ id, type, data, at }) {
    if (type === "progress") this.progress = data;
    if (type === "metric") this.add(data, at);
    if (type === "log" || type === "status") this.addLine(line(id, type, data, at));
    this.drawing ??= setTimeout(() => {
      this.drawing = undefined;
      this.onChange();
    }, DRAW_MILLISECONDS);
  }

  add({ metrics, done, unit = "" }, at) {
    if (typeof done !== "number") return; // a figure of the whole job is no point of a curve
    for (const [name, value] of Object.entries(metrics)) {
      const known = this.series.get(name) ?? { name, unit, points: [], until: "" };
      if (at <= known.until) continue;
      this.series.set(name, { name, unit, points: with_(known.points, [done, value]), until: at });
    }
    this.livePoints += 1;
    if (this.livePoints > MOST_LIVE_POINTS) this.load(); // the server makes them fewer again
  }

  addLine(added) {
    if (this.lines.length && added.id <= this.lines.at(-1).id) return;
    this.lines = [...this.lines, added].slice(-LINES);
    if (added.type !== "status") return;
    this.onStatus();
    if (["succeeded", "failed", "cancelled"].includes(added.status)) this.stop();
  }
}

/** A series of the past as it is kept. */
function past({ name, unit, points, times }) {
  let kept = [];
  for (const point of points) if (point[0] !== null) kept = with_(kept, point, kept);
  return { name, unit, points: kept, until: times.at(-1) ?? "" };
}

/** Points with one more. An attempt that went on from a checkpoint tells again what came after that: the newer stands. */
function with_(points, point, into = points.slice()) {
  while (into.length && into.at(-1)[0] >= point[0]) into.pop();
  into.push(point);
  return into;
}

function line(id, type, data, at) {
  if (type === "log") return { id, at, type, text: data.message };
  const attempt = data.attempt > 1 && data.status === "running" ? `attempt ${data.attempt}` : "";
  const text = [data.status, attempt, data.message, data.error?.detail].filter(Boolean).join(" · ");
  return { id, at, type, text, status: data.status };
}
