/** Requests to Hindcast's public API, and nothing else. What goes wrong becomes a `Failure`, which speaks in sentences. */

/** The origin's root: this file lies in `dashboard/` below it, whatever a proxy puts before both. */
export const ROOT = new URL("../", import.meta.url);

/** @typedef {{ field: string, message: string }} WrongField */

/**
 * What the page calls fields of a request, by their paths: `{ word: "Word", "positive.0": "Second word" }`.
 * @typedef {Record<string, string>} Labels
 */

/** A request that did not get what it asked for. */
export class Failure extends Error {
  /**
   * @param {string} sentence  what happened and what to do
   * @param {{ status?: number, fields?: WrongField[], isAway?: boolean }} [more]  `status` 0: no answer of the server's;
   *   `isAway`: for it did not answer
   */
  constructor(sentence, { status = 0, fields = [], isAway = false } = {}) {
    super(sentence);
    this.name = "Failure";
    this.status = status;
    this.fields = fields;
    this.isAway = isAway;
  }
}

/**
 * Ask the API.
 * @param {string} path   below the root: "v1/jobs?limit=5"
 * @param {{ method?: string, body?: unknown, accept?: string, signal?: AbortSignal, labels?: Labels }} [options]  `body` is sent as JSON
 * @returns {Promise<any>} the JSON of the answer; null where there is none
 */
export async function ask(path, { method = "GET", body, accept = "application/json", signal, labels } = {}) {
  const headers = { Accept: accept };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await answered(path, { method, headers, body: body && JSON.stringify(body), signal }, labels);
  if (answer.status === 204) return null;
  return whole(answer, () => answer.json());
}

/**
 * Send a file to the API.
 * @param {string} path
 * @param {Blob} file
 * @param {Labels} [labels]
 * @returns {Promise<{ lines: any[], headers: Headers }>} an answer of JSON lines
 */
export async function sendFile(path, file, labels) {
  const answer = await answered(path, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file }, labels);
  const lines = await whole(answer, async () => (await answer.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line)));
  return { lines, headers: answer.headers };
}

/** @returns {Promise<Response>} An answer that is no error. */
async function answered(path, request, labels = {}) {
  refuseWhatNamesNothing(path);
  let answer;
  try {
    answer = await fetch(new URL(path, ROOT), request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    connection.lost();
    throw new Failure("The server does not answer. See whether it still runs, then press the button again.", { isAway: true });
  }
  if (answer.status !== 503) connection.found();
  if (!answer.ok) throw await failureOf(answer, labels);
  return answer;
}

async function whole(answer, read) {
  try {
    return await read();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("The answer broke off. Try again.", { status: answer.status });
  }
}

/** What the server calls one of a collection in a sentence. */
const NOUNS = {
  corpora: "corpus",
  domains: "set of domains",
  experiments: "experiment",
  jobs: "job",
  models: "model",
  ngrams: "n-gram model",
  tables: "table",
};

/** No name holds a "/", and "." and ".." aren't names: browsers and servers would take them for other paths. */
function refuseWhatNamesNothing(path) {
  const [, collection, part = ""] = path.split("?")[0].split("/");
  const reference = decodeURIComponent(part);
  if (!reference.includes("/") && reference !== "." && reference !== "..") return;
  throw new Failure(`There is no ${NOUNS[collection]} '${reference}'.${advice(404, {})}`, { status: 404 });
}

/** A path below /v1 of parts that may hold anything: v1("jobs", "a b") is "v1/jobs/a%20b". */
export const v1 = (...parts) => `v1/${parts.map(encodeURIComponent).join("/")}`;

/** @returns {Promise<Failure>} What a problem (RFC 9457) says, with what to do. */
async function failureOf(answer, labels) {
  let problem = {};
  try {
    problem = await answer.json();
  } catch {
    // Something between us and the server answered in its own words.
  }
  const wrong = (problem.errors ?? []).map(({ field, message }) => `${labelOf(field, labels)}: ${message}`).join("; ");
  const said = ended(wrong || problem.detail || problem.title || `The server answered with status ${answer.status}`);
  return new Failure(`${said}${advice(answer.status, problem)}`, { status: answer.status, fields: problem.errors ?? [] });
}

/** What the page calls a field, or the nearest around it that it has a name for; what it has none for, such as a line of a
 * file, is called as the server does. */
function labelOf(field, labels) {
  const parts = field.split(".");
  for (let length = parts.length; length > 0; length -= 1) {
    const label = labels[parts.slice(0, length).join(".")];
    if (label) return [label, ...parts.slice(length).map((part) => (/^\d+$/.test(part) ? Number(part) + 1 : part))].join(", ");
  }
  return field;
}

function advice(status, problem) {
  if (status === 404) return " It may have been deleted, or the address has a slip.";
  if (status === 503) return " Try again in a moment.";
  if (status === 501) return ""; // what isn't installed stands in no log
  if (status >= 500) return problem.request_id ? ` Look there for ${problem.request_id}.` : " The server's log says more.";
  return "";
}

/** A sentence with its full stop. */
function ended(sentence) {
  return /[.!?…]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** Whether the server answers. Once it is lost, it is looked for every few seconds. */
export const connection = {
  away: false,
  /** @type {Set<(away: boolean) => void>} */
  listeners: new Set(),

  lost() {
    if (this.away) return;
    this.away = true;
    this.tell();
    this.look();
  },

  found() {
    if (!this.away) return;
    this.away = false;
    this.tell();
  },

  /**
   * Act whenever the server is back.
   * @param {() => unknown} act
   * @returns {() => void} no longer
   */
  whenBack(act) {
    const told = (away) => !away && act();
    this.listeners.add(told);
    return () => this.listeners.delete(told);
  },

  tell() {
    for (const listener of this.listeners) listener(this.away);
  },

  look() {
    setTimeout(async () => {
      if (!this.away) return;
      try {
        if ((await fetch(new URL("healthz", ROOT))).ok) this.found();
      } catch {
        // Still away.
      }
      if (this.away) this.look();
    }, LOOK_MILLISECONDS);
  },
};

const LOOK_MILLISECONDS = 2000;
