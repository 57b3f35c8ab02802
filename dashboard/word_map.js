/** A map of words on a canvas: to zoom and move with wheel, fingers, mouse and keys. */
import { colour } from "./colours.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { centred, fitted, moved, onScreen, placed, seen, zoomed } from "./map_view.js";
import { THEME_CHANGED } from "./theme.js";

const STEP = 1.4;
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const MOVED_BY_ARROW = 60;
const NEAREST_PIXELS = 14;
const FARTHEST_OUT = 0.5;
const NEAREST_IN = 200;
const MOST_LABELS = 400;
const LISTED = 100;
const MARKED_SCALE = 3;

/**
 * @typedef {object} Marks
 * @property {string | null} word    stands out most
 * @property {string[]} near         stand out, too
 *
 * @param {{ name: string, points: import("./map_view.js").Point[], marks: Marks, onWord: (word: string) => void }} props
 *   The order of `points` is that in which words get their labels.
 */
export function WordMap({ name, points, marks, onWord }) {
  const box = useRef(null);
  const canvas = useRef(null);
  const size = useSize(box);
  const [view, setView] = useState(null);
  const [hovered, setHovered] = useState(null);
  const whole = size ? fitted(points, size.width, size.height) : null;
  const shown = view ?? whole;
  /** Change what is seen, within bounds. */
  const change = (act) => setView((before) => {
    const next = act(before ?? whole);
    const times = next.scale / whole.scale;
    return times < FARTHEST_OUT || times > NEAREST_IN ? before : next;
  });
  const zoom = (factor, x = size.width / 2, y = size.height / 2) => change((now) => zoomed(now, factor, x, y));
  const latest = useRef(null);
  latest.current = { change, zoom, shown, points, onWord, setHovered };

  useEffect(() => setView(null), [points]);
  useEffect(() => {
    const point = points.find((one) => one.word === marks.word);
    if (!point || !size) return;
    change((now) => centred({ ...now, scale: Math.max(now.scale, MARKED_SCALE * whole.scale) }, point, size.width, size.height));
  }, [marks.word, points, Boolean(size)]);
  useGestures(box, latest);
  usePainting(canvas, size, () => paint(canvas.current, size, shown, points, marks, hovered), [shown, points, marks, hovered]);

  const keys = (event) => {
    const arrow = ARROWS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow) change((now) => moved(now, arrow[0] * MOVED_BY_ARROW, arrow[1] * MOVED_BY_ARROW));
    else if (["+", "="].includes(event.key)) zoom(STEP);
    else if (["-", "_"].includes(event.key)) zoom(1 / STEP);
    else if (event.key === "0") setView(null);
    else return;
    event.preventDefault();
  };
  return html`
    <div class="map" ref=${box} tabindex="0" role="application" onKeyDown=${keys}
        aria-label=${`Map of ${points.length} words of ${name}. Arrow keys move it, plus and minus zoom, 0 shows all. Below it is a list of its words.`}>
      <canvas ref=${canvas} aria-hidden="true"></canvas>
    </div>
    <div class="map-tools">
      <button type="button" aria-label="Zoom in" disabled=${!size} onClick=${() => zoom(STEP)}>+</button>
      <button type="button" aria-label="Zoom out" disabled=${!size} onClick=${() => zoom(1 / STEP)}>−</button>
      <button type="button" disabled=${!view} onClick=${() => setView(null)}>Show all</button>
      <span class="quiet">${shown && `zoom ${(shown.scale / whole.scale).toFixed(1)} ×`}</span>
      <span class="quiet wide end">Wheel or pinch to zoom, drag to move, click a word</span>
    </div>
    <${WordList} points=${points} view=${shown} size=${size} onWord=${onWord} />`;
}

/** What is seen on the map, as text. */
function WordList({ points, view, size, onWord }) {
  const [isOpen, setOpen] = useState(false);
  const words = isOpen && size ? seen(points, view, size.width, size.height) : [];
  return html`<details class="figures" onToggle=${(event) => setOpen(event.currentTarget.open)}><summary>The words that are seen, as a list</summary>
    ${isOpen && html`<p class="hint">${words.length} words, those in the middle first${words.length > LISTED && `; the first ${LISTED} are listed`}.</p>
      <div class="scroll figures-table" tabindex="0" role="region" aria-label="Words on the map"><table>
        <thead><tr><th scope="col">Word</th><th scope="col" class="number">x</th><th scope="col" class="number">y</th></tr></thead>
        <tbody>${words.slice(0, LISTED).map((point) => html`<tr key=${point.word}>
          <th scope="row"><button type="button" class="link" onClick=${() => onWord(point.word)}>${point.word}</button></th>
          <td class="number">${point.x.toFixed(3)}</td><td class="number">${point.y.toFixed(3)}</td></tr>`)}</tbody>
      </table></div>`}
  </details>`;
}

function useSize(box) {
  const [size, setSize] = useState(null);
  useLayoutEffect(() => {
    const sizes = new ResizeObserver(([{ contentRect: { width, height } }]) => width && setSize({ width, height }));
    sizes.observe(box.current);
    return () => sizes.disconnect();
  }, []);
  return size;
}

/** Paint when something has changed, the theme too. */
function usePainting(canvas, size, act, causes) {
  const newest = useRef(act);
  newest.current = act;
  useLayoutEffect(() => {
    if (size) newest.current();
  }, [size, ...causes]);
  useEffect(() => {
    const again = () => canvas.current?.width && newest.current();
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    addEventListener(THEME_CHANGED, again);
    scheme.addEventListener("change", again);
    return () => {
      removeEventListener(THEME_CHANGED, again);
      scheme.removeEventListener("change", again);
    };
  }, []);
}

/** Wheel, mouse and fingers. One pointer moves, two zoom; a press that does not move chooses the word there. */
function useGestures(box, latest) {
  useEffect(() => {
    const element = box.current;
    /** @type {Map<number, [number, number]>} */
    const down = new Map();
    let travelled = 0;
    const at = (event) => {
      const { left, top } = element.getBoundingClientRect();
      return [event.clientX - left, event.clientY - top];
    };
    const wheel = (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 20 : 1;
      latest.current.zoom(Math.exp(-Math.max(-150, Math.min(150, event.deltaY * lines)) / 400), ...at(event));
    };
    const press = (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      if (!down.size) travelled = 0;
      down.set(event.pointerId, at(event));
    };
    const move = (event) => {
      const [x, y] = at(event);
      const before = down.get(event.pointerId);
      if (!before) return latest.current.setHovered(nearest(latest.current, x, y));
      travelled += Math.hypot(x - before[0], y - before[1]);
      const others = [...down].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      down.set(event.pointerId, [x, y]);
      if (!others.length) return latest.current.change((now) => moved(now, x - before[0], y - before[1]));
      const [other] = others;
      const factor = Math.hypot(x - other[0], y - other[1]) / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1]));
      latest.current.zoom(factor, (x + other[0]) / 2, (y + other[1]) / 2);
    };
    const release = (event) => {
      if (!down.delete(event.pointerId) || event.type === "pointercancel" || down.size || travelled > 5) return;
      const point = nearest(latest.current, ...at(event));
      if (point) latest.current.onWord(point.word);
    };
    const leave = () => latest.current.setHovered(null);
    const heard = { wheel, pointerdown: press, pointermove: move, pointerup: release, pointercancel: release, pointerleave: leave };
    for (const [name, act] of Object.entries(heard)) element.addEventListener(name, act, { passive: false });
    return () => {
      for (const [name, act] of Object.entries(heard)) element.removeEventListener(name, act);
    };
  }, []);
}

/** The point under the pointer. */
function nearest({ shown, points }, x, y) {
  let found = null;
  let least = NEAREST_PIXELS;
  for (const point of points) {
    const [there, below] = onScreen(shown, point);
    const distance = Math.hypot(there - x, below - y);
    if (distance < least) [found, least] = [point, distance];
  }
  return found;
}

const OFFSET = 6;
/** @type {Map<string, number>} widths of words, by font and word: measuring is what takes time */
const widths = new Map();

function paint(canvas, { width, height }, view, points, marks, hovered) {
  const dense = devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(width * dense), Math.round(height * dense)];
  const pen = canvas.getContext("2d");
  pen.scale(dense, dense);
  pen.textBaseline = "middle";
  const family = getComputedStyle(document.body).fontFamily;
  const [ink, quiet, accent, near, paper] = ["--ink", "--quiet", "--accent", "--series-1", "--surface"].map(colour);
  const isNear = new Set(marks.near);
  const rank = (point) => (point === hovered ? 0 : point.word === marks.word ? 1 : isNear.has(point.word) ? 2 : 3);
  const isMarked = Boolean(marks.word);
  const drawn = points.map((point) => ({ point, rank: rank(point), at: onScreen(view, point) }))
    .filter(({ at: [x, y] }) => x > -50 && x < width + 5 && y > -10 && y < height + 10);
  for (const { rank: each, at: [x, y] } of drawn.toReversed()) {
    pen.globalAlpha = each < 3 ? 1 : isMarked ? 0.35 : 0.55;
    pen.fillStyle = each === 1 ? accent : each === 2 ? near : quiet;
    pen.beginPath();
    pen.arc(x, y, each === 1 ? 5 : each === 2 ? 3.5 : 2, 0, 2 * Math.PI);
    pen.fill();
  }
  const labels = drawn.sort((a, b) => a.rank - b.rank).map(({ point, rank: each, at: [x, y] }) => {
    const font = each < 3 ? `600 13px ${family}` : `12px ${family}`;
    return { text: point.word, x: x + OFFSET, y, width: measured(pen, font, point.word), font, rank: each };
  });
  for (const label of placed(labels, width, height, MOST_LABELS)) {
    pen.font = label.font;
    pen.globalAlpha = label.rank === 3 && isMarked ? 0.65 : 1;
    pen.lineWidth = 3;
    pen.strokeStyle = paper;
    pen.strokeText(label.text, label.x, label.y);
    pen.fillStyle = label.rank === 1 ? accent : label.rank === 2 ? near : ink;
    pen.fillText(label.text, label.x, label.y);
  }
}

function measured(pen, font, word) {
  const key = `${font} ${word}`;
  if (!widths.has(key)) {
    pen.font = font;
    widths.set(key, pen.measureText(word).width);
  }
  return widths.get(key);
}
