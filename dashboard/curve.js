/** A curve of one or more series over the same x, drawn by uPlot, with its figures as text. */
import { colour } from "./colours.js";
import { figure, shortCount } from "./figures.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { THEME_CHANGED } from "./theme.js";

const HEIGHT = 230;
const LOGARITHMIC_FROM = 6;
const ROWS_OF_TABLE = 60;
const COLOURS = ["--series-1", "--series-2", "--series-3"];

/**
 * @typedef {object} DrawnSeries
 * @property {string} label
 * @property {[number, number][]} points  in the order of x
 * @property {boolean} [dots]             few points that each say something, such as one an epoch
 */

/**
 * @typedef {{ x: number, label: string }} Mark  a line across, with a word
 *
 * @param {{ title: string, unit: string, series: DrawnSeries[], format?: (value: number) => string,
 *   place?: (x: number) => string, marks?: Mark[], logarithmic?: boolean, narrowing?: boolean }} props
 *   `place` says in words where a value is; `logarithmic`: whether y may be; `narrowing`: the further from 0 on the x axis,
 *   the less room a difference has
 */
export function Curve({ title, unit, series, format = figure, place: placed = (value) => `after ${shortCount(value)} ${unit}`, marks = [], logarithmic = true, narrowing = false }) {
  const [x, columns] = aligned(series);
  const [at, setAt] = useState(null);
  const values = columns.map((column) => (at === null ? lastOf(column) : nearest(column, at)));
  return html`<figure class="curve">
    <figcaption><span class="title">${title}</span>
      <span class="legend">${series.map((one, place) => html`<span key=${one.label} class=${`series-${place + 1}`}>
        ${series.length > 1 && one.label} <b>${values[place] === undefined ? "–" : format(values[place])}</b></span>`)}
        <span class="quiet">${placed(at === null ? x.at(-1) : x[at])}</span></span>
    </figcaption>
    <${Plot} title=${told(title, series, format)} unit=${unit} x=${x} columns=${columns} series=${series} format=${format}
      marks=${marks} logarithmic=${logarithmic} narrowing=${narrowing} onPoint=${setAt} />
    <details class="figures"><summary>Figures</summary><${Table} x=${x} columns=${columns} series=${series} unit=${unit} format=${format} /></details>
  </figure>`;
}

/** Fetches uPlot, which is large, once: before there is something to draw, where there will be. */
export const drawing = () => import("./vendor/uplot.js");

/** The canvas. */
function Plot({ title, unit, x, columns, series, format, marks, logarithmic, narrowing, onPoint }) {
  const place = useRef(null);
  const plot = useRef(null);
  const data = [x, ...columns];
  const newest = useRef(data);
  newest.current = data;
  const marked = useRef(marks);
  marked.current = marks;
  const isLogarithmic = logarithmic && spread(columns) >= LOGARITHMIC_FROM;
  const shape = JSON.stringify([isLogarithmic, unit, series.map((one) => [one.label, Boolean(one.dots)])]);
  useEffect(() => {
    let isOver = false;
    const draw = async () => {
      const { default: UPlot } = await drawing();
      if (isOver || !place.current) return; // the page may have been left while it was fetched
      plot.current?.destroy();
      const options = optionsOf(UPlot, { width: place.current.clientWidth, unit, series, format, isLogarithmic, narrowing, onPoint, marked });
      plot.current = new UPlot(options, newest.current, place.current);
    };
    draw();
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const sizes = new ResizeObserver(([{ contentRect }]) => {
      if (plot.current && plot.current.width !== contentRect.width) plot.current.setSize({ width: contentRect.width, height: HEIGHT });
    });
    sizes.observe(place.current);
    addEventListener(THEME_CHANGED, draw);
    scheme.addEventListener("change", draw);
    return () => {
      isOver = true;
      sizes.disconnect();
      removeEventListener(THEME_CHANGED, draw);
      scheme.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(newest.current), [JSON.stringify([x.length, x.at(-1), columns.map(lastOf)])]);
  useEffect(() => plot.current?.redraw(false), [JSON.stringify(marks)]);
  return html`<div class="plot" role="img" aria-label=${title} ref=${place}></div>`;
}

function optionsOf(UPlot, { width, unit, series, format, isLogarithmic, narrowing, onPoint, marked }) {
  const quiet = colour("--quiet");
  const grid = { stroke: colour("--rule"), width: 1 };
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: quiet, font, grid, ticks: { ...grid, size: 4 } };
  // Of a logarithmic axis the 1, 2 and 5 of each decade: uPlot has all nine lines.
  const few = isLogarithmic ? { filter: (_, places) => places.map((value) => (isRound(value) ? value : null)) } : {};
  return {
    width,
    height: HEIGHT,
    padding: [8, 24, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 7 } },
    scales: { x: { time: false, ...(narrowing ? { distr: 4, asinh: 1, range: (_, low, high) => [low, high] } : {}) }, y: isLogarithmic ? { distr: 3, log: 10, range: (_, low, high) => UPlot.rangeLog(low, high, 10, false) } : {} },
    series: [
      {},
      ...series.map((one, place) => ({
        label: one.label,
        stroke: colour(COLOURS[place % COLOURS.length]),
        width: 1.75,
        spanGaps: true,
        points: { show: Boolean(one.dots) || one.points.length === 1, size: 6, fill: colour(COLOURS[place % COLOURS.length]) },
      })),
    ],
    axes: [
      { ...axis, values: (_, places) => places.map((value) => (value === null ? "" : shortCount(value))), label: unit, labelFont: font, labelSize: 18, size: 30 },
      { ...axis, ...few, grid: { ...grid, ...few }, ticks: { ...axis.ticks, ...few }, values: (_, places) => places.map((value) => (value === null ? "" : isLogarithmic ? shortCount(value) : format(value))), size: 58 },
    ],
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)], draw: [(plot) => drawMarks(plot, marked.current, font)] },
  };
}

/** Lines from top to bottom, each with its word, one below the other. */
function drawMarks(plot, marks, font) {
  const { ctx: pen, bbox: box } = plot;
  const dense = devicePixelRatio || 1;
  pen.save();
  pen.font = font.replace("12px", `${12 * dense}px`);
  pen.textBaseline = "top";
  for (const [row, mark] of marks.entries()) {
    const x = plot.valToPos(mark.x, "x", true);
    if (x < box.left - 1 || x > box.left + box.width + 1) continue;
    const isRight = x < box.left + box.width / 2;
    pen.strokeStyle = pen.fillStyle = colour(COLOURS[(row + 1) % COLOURS.length]);
    pen.lineWidth = 1.5 * dense;
    pen.setLineDash([5 * dense, 4 * dense]);
    pen.beginPath();
    pen.moveTo(x, box.top);
    pen.lineTo(x, box.top + box.height);
    pen.stroke();
    pen.textAlign = isRight ? "left" : "right";
    pen.fillText(mark.label, x + (isRight ? 6 : -6) * dense, box.top + (2 + 16 * row) * dense);
  }
  pen.restore();
}

function isRound(value) {
  return [1, 2, 5].includes(Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-9)));
}

function Table({ x, columns, series, unit, format }) {
  const step = Math.max(1, Math.ceil(x.length / ROWS_OF_TABLE));
  const rows = x.map((_, row) => row).filter((row) => row % step === 0 || row === x.length - 1);
  return html`<div class="scroll figures-table" tabindex="0" role="region" aria-label="Figures"><table>
    <thead><tr><th scope="col" class="number">${unit}</th>${series.map((one) => html`<th key=${one.label} scope="col" class="number">${one.label}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${x[row]}><td class="number">${figure(x[row])}</td>
      ${columns.map((column) => html`<td class="number">${column[row] === null || column[row] === undefined ? "" : format(column[row])}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

/** All x of the series once, in order, and for each series its value or null at each. */
function aligned(series) {
  const x = [...new Set(series.flatMap((one) => one.points.map(([place]) => place)))].sort((a, b) => a - b);
  const columns = series.map((one) => {
    const values = new Map(one.points);
    return x.map((place) => values.get(place) ?? null);
  });
  return [x, columns];
}

function lastOf(column) {
  return column.findLast((value) => value !== null);
}

/** The value at a place, or the newest before it. */
function nearest(column, place) {
  return lastOf(column.slice(0, place + 1)) ?? column.slice(place).find((value) => value !== null);
}

/** How many times the lowest value the highest is; 1 where some are not above 0. */
function spread(columns) {
  const values = columns.flat().filter((value) => value !== null);
  const lowest = values.reduce((least, value) => Math.min(least, value), Infinity);
  return lowest > 0 ? values.reduce((most, value) => Math.max(most, value), 0) / lowest : 1;
}

function told(title, series, format) {
  const parts = series.filter((one) => one.points.length).map((one) => {
    return `${one.label}: from ${format(one.points[0][1])} to ${format(one.points.at(-1)[1])}`;
  });
  return `${title}. ${parts.join("; ")}`;
}
