/** The geometry of a map of words: what part of the plane is seen, and which labels have room. */

/**
 * @typedef {object} View   what is seen: screen x = (x - left) · scale, screen y = (top - y) · scale
 * @property {number} left
 * @property {number} top
 * @property {number} scale  pixels for 1
 *
 * @typedef {{ word: string, x: number, y: number }} Point
 * @typedef {{ text: string, x: number, y: number, width: number }} Label  x, y: of the middle of its left end
 */

const MARGIN = 28;
const LABEL_HEIGHT = 15;

/** @returns {View} That shows all points in an area of `width` times `height` pixels. */
export function fitted(points, width, height) {
  const [left, right] = ends(points.map((point) => point.x));
  const [bottom, top] = ends(points.map((point) => point.y));
  const across = Math.max(right - left, 1e-9);
  const up = Math.max(top - bottom, 1e-9);
  const scale = Math.min(Math.max(width - 2 * MARGIN, 1) / across, Math.max(height - 2 * MARGIN, 1) / up);
  return { left: (left + right) / 2 - width / 2 / scale, top: (top + bottom) / 2 + height / 2 / scale, scale };
}

/** @returns {View} Nearer by a factor, the place at these pixels staying where it is. */
export function zoomed(view, factor, x, y) {
  const scale = view.scale * factor;
  return { left: view.left + x / view.scale - x / scale, top: view.top - y / view.scale + y / scale, scale };
}

/** @returns {View} Moved, so that what is seen goes by these pixels. */
export function moved(view, right, down) {
  return { ...view, left: view.left - right / view.scale, top: view.top + down / view.scale };
}

/** @returns {View} With a point in the middle of the area. */
export function centred(view, point, width, height) {
  return { ...view, left: point.x - width / 2 / view.scale, top: point.y + height / 2 / view.scale };
}

/** @returns {[number, number]} Where a point is on the screen. */
export function onScreen(view, point) {
  return [(point.x - view.left) * view.scale, (view.top - point.y) * view.scale];
}

/** The points that are seen, the nearest to the middle first. */
export function seen(points, view, width, height) {
  const found = [];
  for (const point of points) {
    const [x, y] = onScreen(view, point);
    if (x >= 0 && x <= width && y >= 0 && y <= height) found.push([Math.hypot(x - width / 2, y - height / 2), point]);
  }
  return found.sort(([a], [b]) => a - b).map(([, point]) => point);
}

/**
 * Labels that have room: in their order, each that covers none before it and lies within the area.
 * @param {Label[]} labels
 * @returns {Label[]}
 */
export function placed(labels, width, height, most = Infinity) {
  /** @type {Map<number, Label[]>} by rows of the height of a label: two rows above and below are too far to be touched */
  const rows = new Map();
  const found = [];
  for (const label of labels) {
    if (found.length >= most) break;
    if (label.x < 0 || label.x + label.width > width || label.y < LABEL_HEIGHT / 2 || label.y > height - LABEL_HEIGHT / 2) continue;
    const row = Math.floor(label.y / LABEL_HEIGHT);
    const near = [row - 1, row, row + 1].flatMap((each) => rows.get(each) ?? []);
    if (near.some((other) => overlap(label, other))) continue;
    rows.set(row, [...(rows.get(row) ?? []), label]);
    found.push(label);
  }
  return found;
}

/** Whether one label covers a part of another. */
export function overlap(one, other) {
  return one.x < other.x + other.width && other.x < one.x + one.width && Math.abs(one.y - other.y) < LABEL_HEIGHT;
}

function ends(values) {
  return [values.reduce((least, value) => Math.min(least, value), Infinity), values.reduce((most, value) => Math.max(most, value), -Infinity)];
}
