/** Changes to the baseline with their intervals, and beside them the paper's, as plain SVG. */
import { change, perplexity } from "./figures.js";
import { html, useLayoutEffect, useRef, useState } from "./html.js";

const NARROW = 620;
const LABEL = 250;
const FIGURE = 110;
const LABEL_PIXELS = 14.4;
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
const MOST_STEPS = 8;

/**
 * @typedef {object} Drawn
 * @property {string} label
 * @property {number | null} change
 * @property {[number, number] | null} interval
 * @property {number | null} paper   the change that the paper's figures are
 * @property {string} remark   what stands where there is no change
 */

/** @returns {Drawn[]} The rows that are compared with the baseline. */
function drawnOf({ rows, baseline }) {
  const base = rows.find((row) => row.label === baseline)?.paper_perplexity;
  return rows.filter((row) => row.label !== baseline).map((row) => ({
    label: row.label,
    change: row.relative_to_baseline?.change ?? null,
    interval: row.relative_to_baseline?.ci95 ?? null,
    paper: base && row.paper_perplexity ? row.paper_perplexity / base - 1 : null,
    remark: remarkOn(row),
  }));
}

function remarkOn({ status, perplexity: own, relative_to_baseline: compared }) {
  if (compared && compared.change === null) return "not comparable";
  return isNumber(own?.mean) ? "no baseline yet" : status;
}

const isNumber = (value) => typeof value === "number";

export function ChangeChart({ experiment }) {
  const box = useRef(null);
  const [width, setWidth] = useState(0);
  const drawn = drawnOf(experiment);
  const isThere = drawn.some((row) => row.change !== null);
  useLayoutEffect(() => {
    if (!box.current) return undefined;
    const sizes = new ResizeObserver(([{ contentRect }]) => setWidth(Math.floor(contentRect.width)));
    sizes.observe(box.current);
    return () => sizes.disconnect();
  }, [isThere]);
  if (!isThere) return null;
  const baseline = experiment.rows.find((row) => row.label === experiment.baseline);
  const has = { paper: drawn.some((row) => row.paper !== null), open: drawn.some((row) => row.change !== null && !row.interval) };
  return html`<section class="chart"><h2>Change of perplexity to <q>${experiment.baseline}</q>, ${perplexity(baseline?.perplexity?.mean)}</h2>
    <p class="key"><span><${Key}><${Ours} x=${20} y=${8} low=${4} high=${36} /><//> change, with its 95 % interval</span>
      ${has.open && html`<span><${Key}><${Ours} x=${20} y=${8} /><//> no interval yet</span>`}
      ${has.paper && html`<span><${Key}><${Paper} x=${20} y=${8} /><//> in the paper, on its text</span>`}
      <span class="quiet">left is better</span></p>
    <div ref=${box}>${width > 0 && html`<${Plot} drawn=${drawn} width=${width} />`}</div>
  </section>`;
}

const Key = ({ children }) => html`<svg width="40" height="16" aria-hidden="true">${children}</svg>`;

function Plot({ drawn, width }) {
  const isNarrow = width < NARROW;
  const [left, right] = isNarrow ? [10, width - 10] : [LABEL, width - FIGURE - 12];
  const rowHeight = isNarrow ? 46 : 30;
  const height = drawn.length * rowHeight + 30;
  const { low, high, ticks } = scaleOf(drawn, right - left);
  const x = (value) => left + ((value - low) / (high - low)) * (right - left);
  const told = drawn.filter((row) => row.change !== null).map((row) => `${row.label} ${change(row.change)}`);
  // On a phone a row's name stands above its marks: the lines leave it room.
  const stretches = isNarrow ? drawn.map((_, number) => [number * rowHeight + 20, (number + 1) * rowHeight]) : [[0, height - 24]];
  return html`<svg class="changes" width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${`Changes to the baseline: ${told.join("; ")}`}>
    ${ticks.map((tick) => html`<g key=${tick}>${stretches.map(([from, to]) => html`<line key=${from} class=${tick === 0 ? "zero" : "tick"} x1=${x(tick)} x2=${x(tick)} y1=${from} y2=${to} />`)}
      <text class="quiet" x=${x(tick)} y=${height - 7} text-anchor="middle">${tick === 0 ? "0" : change(tick).replace(".0", "")}</text></g>`)}
    ${drawn.map((row, number) => html`<${Row} key=${row.label} row=${row} x=${x} top=${number * rowHeight} isNarrow=${isNarrow} width=${width} />`)}
  </svg>`;
}

function Row({ row, x, top, isNarrow, width }) {
  const y = top + (isNarrow ? 32 : 15);
  const [low, high] = row.interval ?? [];
  const figure = row.change === null ? row.remark : change(row.change);
  return html`<g>
    <text x="0" y=${isNarrow ? top + 15 : y + 5}>${cut(row.label, isNarrow ? width - FIGURE : LABEL - 12)}<title>${row.label}</title></text>
    <text class=${row.change === null ? "quiet" : "figure"} x=${width} y=${isNarrow ? top + 15 : y + 5} text-anchor="end">${figure}</text>
    ${row.paper !== null && html`<${Paper} x=${x(row.paper)} y=${y} />`}
    ${row.change !== null && html`<${Ours} x=${x(row.change)} y=${y} low=${row.interval && x(low)} high=${row.interval && x(high)} />`}
  </g>`;
}

function Ours({ x, y, low, high }) {
  const hasInterval = typeof low === "number";
  return html`${hasInterval && html`<path class="interval" d=${`M${low} ${y}H${high}M${low} ${y - 4}v8M${high} ${y - 4}v8`} />`}
    <circle class=${hasInterval ? "ours" : "ours open"} cx=${x} cy=${y} r="4.5" />`;
}

const Paper = ({ x, y }) => html`<path class="paper" d=${`M${x} ${y - 6}l6 6-6 6-6-6z`} />`;

/** From where to where, with room at both ends, and round values in between; 0 is always there. */
function scaleOf(drawn, width) {
  const values = [0, ...drawn.flatMap((row) => [row.change, row.paper, ...(row.interval ?? [])])].filter((value) => value !== null);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(0.005, (most - least) * 0.06);
  const [low, high] = [least - room, most + room];
  const few = Math.min(MOST_STEPS, width / 60);
  const step = STEPS.find((each) => (high - low) / each <= few) ?? STEPS.at(-1);
  const first = Math.ceil(low / step);
  return { low, high, ticks: Array.from({ length: Math.floor(high / step) - first + 1 }, (_, number) => (first + number) * step) };
}

/** As much of a label as fits into so many pixels. */
function cut(label, pixels) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `${LABEL_PIXELS}px ${getComputedStyle(document.body).fontFamily}`;
  const fits = (text) => pen.measureText(text).width <= pixels;
  if (fits(label)) return label;
  let letters = label.length;
  while (letters > 1 && !fits(`${label.slice(0, letters)}…`)) letters -= 1;
  return `${label.slice(0, letters)}…`;
}
