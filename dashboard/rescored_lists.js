/** Lists in their new order: what moved, which component moved it, and what becomes of it under other weights. */
import { announce } from "./announcing.js";
import { count, percent } from "./figures.js";
import { html, useId, useMemo, useState } from "./html.js";
import { COMPONENTS, compared, components, judged, movedBy, order, ranked, wordsOf } from "./n_best.js";
import { Tuning } from "./tuning_curves.js";

const LISTS = 10;
const HYPOTHESES = 8;
/** @type {Record<string, { title: string, low: number, high: number }>} where sliders begin; a larger value widens them */
const SLIDERS = {
  lm_weight: { title: "Language model weight", low: 0, high: 2 },
  word_insertion_penalty: { title: "Word insertion penalty", low: -5, high: 5 },
  am_scale: { title: "Acoustic scale", low: 0, high: 2 },
};

export function Rescored({ result }) {
  const { lists, making, warning } = result;
  const [weights, setWeights] = useState(result.weights);
  const [shows, setShows] = useState("all");
  const [number, setNumber] = useState(LISTS);
  const sets = useMemo(() => judged(lists), [lists]);
  const ranks = useMemo(() => lists.map((list) => ranked(list, weights, making)), [lists, weights, making]);
  const isOther = (place) => ranks[place].before.indexOf(1) !== ranks[place].after.indexOf(1);
  const others = lists.filter((_, place) => isOther(place)).length;
  const places = lists.map((_, place) => place).filter((place) => shows === "all" || isOther(place));
  const tell = () => announce(`Best hypothesis changed in ${others} of ${lists.length} lists`);
  return html`
    <section class="rescored"><h2>What moved</h2>
      ${warning && html`<div class="notice"><p>Mind: ${warning}${/[.?!]$/.test(warning) ? "" : "."}</p></div>`}
      <${Sliders} weights=${weights} usual=${result.weights} onChange=${setWeights} onSettled=${tell} />
      ${making.isLattice && html`<p class="hint">These are the paths that the search found by the weights it began with; under other weights it may find others.</p>`}
      <p class="summary"><b>${count(others)}</b> of ${count(lists.length)} list${lists.length === 1 ? "" : "s"} ${others === 1 ? "has" : "have"} another best hypothesis${sets.length > 0 && html`; <${Errors} lists=${lists} ranks=${ranks} sets=${sets} />`}.</p>
      <${Legend} lists=${lists} making=${making} />
      ${lists.length > 1 && html`<form class="filters" aria-label="Which lists" onSubmit=${(event) => event.preventDefault()}>
        <span class="filter"><label><input type="checkbox" checked=${shows === "changed"} onChange=${(event) => setShows(event.currentTarget.checked ? "changed" : "all")} /> Only those with another best hypothesis</label></span></form>`}
      ${places.slice(0, number).map((place) => html`<${OneList} key=${place} list=${lists[place]} ranks=${ranks[place]} weights=${weights} making=${making} />`)}
      ${places.length > number && html`<button type="button" onClick=${() => setNumber(number + LISTS)}>Show more of ${count(places.length)}</button>`}
    </section>
    <${Tuning} result=${result} sets=${sets} weights=${weights} onWeights=${setWeights} />`;
}

function Errors({ lists, ranks, sets }) {
  let [before, after, words] = [0, 0, 0];
  for (const { list, errors, words: ofList } of sets) {
    const at = ranks[lists.indexOf(list)];
    before += errors[at.before.indexOf(1)];
    after += errors[at.after.indexOf(1)];
    words += ofList;
  }
  return html`word errors <b>${count(before)} → ${count(after)}</b> of ${count(words)} words
    <span class="quiet"> (${percent(before / words)} → ${percent(after / words)})</span>`;
}

function Sliders({ weights, usual, onChange, onSettled }) {
  const isUsual = Object.keys(SLIDERS).every((name) => weights[name] === usual[name]);
  return html`<form class="sliders" aria-label="Weights" onSubmit=${(event) => event.preventDefault()}>
    ${Object.keys(SLIDERS).map((name) => html`<${Slider} key=${name} name=${name} value=${weights[name]}
      onChange=${(value) => onChange({ ...weights, [name]: value })} onSettled=${onSettled} />`)}
    <button type="button" disabled=${isUsual} onClick=${() => onChange(usual)}>Back to 1, 1, 0</button>
  </form>`;
}

function Slider({ name, value, onChange, onSettled }) {
  const id = useId();
  const { title, low, high } = SLIDERS[name];
  const [text, setText] = useState(null);
  const [widest, setWidest] = useState({ low, high });
  const span = { low: Math.min(widest.low, value < widest.low ? 2 * value : low), high: Math.max(widest.high, value > widest.high ? 2 * value : high) };
  if (span.low !== widest.low || span.high !== widest.high) setWidest(span);
  const write = (event) => {
    const { value: written, valueAsNumber } = event.currentTarget;
    setText(written);
    if (Number.isFinite(valueAsNumber) && Math.abs(valueAsNumber) <= 1e6) onChange(valueAsNumber);
  };
  return html`<div class="slider"><label for=${id}>${title}</label>
    <input id=${id} type="range" min=${span.low} max=${span.high} step=${(span.high - span.low) / 200} value=${value}
      onInput=${(event) => onChange(event.currentTarget.valueAsNumber)} onChange=${onSettled} />
    <input type="number" step="any" aria-label=${`${title}, as a number`} value=${text ?? Number(value.toFixed(4))} onInput=${write}
      onBlur=${() => (setText(null), onSettled())} /></div>`;
}

/** The components that some hypothesis has. */
function present(lists, making) {
  const has = (test) => lists.some((list) => list.hypotheses.some(test));
  return ["acoustic", "neural",
    ...(has((each) => each.ngram_logprob !== null) ? ["ngram"] : []),
    ...(making.oovCharge && has((each) => each.oov > 0) ? ["oov"] : []),
    ...(has((each) => each.graph_score) ? ["graph"] : []),
    "words"];
}

function Legend({ lists, making }) {
  return html`<p class="bars-legend"><span class="quiet">Behind the first, by</span>
    ${present(lists, making).map((name) => html`<span key=${name}><span class=${`swatch part-${name}`} aria-hidden="true"></span>${COMPONENTS[name]}</span>`)}
    <span class="quiet">in nats, each list on its own scale; left of the line is worse than the first, right of it better</span></p>`;
}

function OneList({ list, ranks, weights, making }) {
  const [isWhole, setWhole] = useState(false);
  const sorted = order(ranks.totals);
  const shown = isWhole ? sorted : sorted.slice(0, HYPOTHESES);
  const [first] = sorted;
  const ofFirst = components(list.hypotheses[first], weights, making);
  const differences = new Map(shown.map((place) => {
    const own = components(list.hypotheses[place], weights, making);
    return [place, Object.fromEntries(Object.entries(own).map(([name, value]) => [name, value - ofFirst[name]]))];
  }));
  const sums = [...differences.values()].map((each) => Object.values(each).reduce(([left, right], value) => (value < 0 ? [left - value, right] : [left, right + value]), [0, 0]));
  const [left, right] = [0, 1].map((side) => Math.max(...sums.map((sum) => sum[side]), 0));
  const reference = typeof list.reference === "string" ? wordsOf(list.reference) : null;
  return html`<article class="n-best" aria-label=${`List ${list.utterance}`}>
    <h3>${list.utterance} ${reference && html`<span class="said-text">said: ${list.reference}</span>`}</h3>
    <div class="scroll" tabindex="0" role="region" aria-label=${`Hypotheses of ${list.utterance}`}><table class="hypotheses" role="table">
      <thead role="rowgroup"><tr role="row"><th scope="col" class="number">Rank</th><th scope="col">Moved</th><th scope="col">Hypothesis</th>
        ${reference && html`<th scope="col" class="number">Errors</th>`}<th scope="col" class="bars">Difference by component</th><th scope="col" class="number">Behind</th></tr></thead>
      <tbody role="rowgroup">${shown.map((place) => html`<${Line} key=${place} list=${list} place=${place} first=${first} ranks=${ranks} reference=${reference}
        difference=${differences.get(place)} left=${left} right=${right} weights=${weights} making=${making} />`)}</tbody>
    </table></div>
    ${sorted.length > shown.length && html`<button type="button" class="link" onClick=${() => setWhole(true)}>All ${count(sorted.length)} hypotheses</button>`}
    <${Figures} list=${list} sorted=${shown} ranks=${ranks} weights=${weights} making=${making} />
  </article>`;
}

function Line({ list, place, first, ranks, reference, difference, left, right, weights, making }) {
  const hypothesis = list.hypotheses[place];
  const mover = movedBy(list, place, ranks, weights, making);
  const behind = ranks.totals[first] - ranks.totals[place];
  return html`<tr role="row" class=${place === first ? "first" : ""}>
    <td role="cell" class="number rank">${ranks.after[place]}</td>
    <td role="cell" class="moved"><${Moved} by=${ranks.before[place] - ranks.after[place]} mover=${mover} /></td>
    <th scope="row" role="rowheader" class="text">${place === first ? hypothesis.text || "(nothing)" : html`<${Marked} text=${hypothesis.text} other=${list.hypotheses[first].text} />`}</th>
    ${reference && html`<td role="cell" class="number errors"><span class="unseen-wide">errors </span>${compared(wordsOf(hypothesis.text), reference).errors}</td>`}
    <td role="cell" class="bars">${place === first && html`<${Scale} left=${left} right=${right} />`}<${Bars} difference=${difference} left=${left} right=${right} /></td>
    <td role="cell" class="number behind">${place !== first && html`<span class="unseen-wide">behind </span>${behind.toFixed(2)}`}</td>
  </tr>`;
}

function Moved({ by, mover }) {
  if (by === 0) return html`<span class="quiet" title="It did not move">=</span>`;
  const [sign, word] = by > 0 ? ["↑", "up"] : ["↓", "down"];
  return html`<span class=${word}><span aria-hidden="true">${sign}</span><span class="unseen">${word} </span>${Math.abs(by)}</span>
    ${" "}<span class="mover quiet">${COMPONENTS[mover]}</span>`;
}

/** A text in which the words that the first lacks stand out. */
function Marked({ text, other }) {
  const words = wordsOf(text);
  if (!words.length) return html`<span class="quiet">(nothing)</span>`;
  const { same } = compared(words, wordsOf(other));
  return words.map((word, place) => html`${place > 0 && " "}${same[place] ? word : html`<mark>${word}</mark>`}`);
}

/** From where to where the bars of a list go. Lists keep scales of their own: a long utterance's differences are tens of times
 * a short one's, whose bars would be nothing beside them. */
function Scale({ left, right }) {
  if (!(left + right)) return null;
  return html`<span class="scale-ends quiet"><span><span class="unseen">Bars from </span>${left ? signed(-left) : "0"}</span>
    <span><span class="unseen">to </span>${right ? signed(right) : "0"} nats</span></span>`;
}

/** Differences to the first as bars: what makes it worse to the left, what makes it better to the right. */
function Bars({ difference, left, right }) {
  const all = left + right;
  if (!all) return null;
  const parts = Object.entries(difference).filter(([, value]) => Math.abs(value) > all * 1e-4);
  const side = (wanted, span) => html`<span class=${wanted < 0 ? "side worse" : "side better"} style=${{ width: `${(100 * span) / all}%` }}>
    ${parts.filter(([, value]) => Math.sign(value) === wanted).map(([name, value]) => html`<span key=${name} class=${`part-${name}`}
      title=${`${COMPONENTS[name]} ${signed(value)}`} style=${{ width: `${(100 * Math.abs(value)) / span}%` }}></span>`)}</span>`;
  return html`<span class="stacked" aria-hidden="true">${side(-1, left)}${side(1, right)}</span>
    <span class="unseen">${parts.map(([name, value]) => `${COMPONENTS[name]} ${signed(value)}`).join(", ")}</span>`;
}

/** Its figures are counts: a charge for them is a component, with a column of its own. */
const UNKNOWN = "words unknown";

/** The weighted components themselves, and how many words the model doesn't know. */
function Figures({ list, sorted, ranks, weights, making }) {
  const names = present([list], making);
  const hasUnknown = list.hypotheses.some((each) => each.oov > 0);
  const [isOpen, setOpen] = useState(false);
  return html`<details class="figures" onToggle=${(event) => setOpen(event.currentTarget.open)}><summary>Figures</summary>
    ${isOpen && html`<div class="scroll figures-table" tabindex="0" role="region" aria-label=${`Figures of ${list.utterance}`}><table>
      <thead><tr><th scope="col">Hypothesis</th>${hasUnknown && html`<th scope="col" class="number">${UNKNOWN}</th>`}${names.map((name) => html`<th key=${name} scope="col" class="number">${COMPONENTS[name]}</th>`)}
        <th scope="col" class="number">total</th><th scope="col" class="number">before</th><th scope="col" class="number">after</th></tr></thead>
      <tbody>${sorted.map((place) => {
        const own = components(list.hypotheses[place], weights, making);
        return html`<tr key=${place}><th scope="row">${list.hypotheses[place].text}</th>
          ${hasUnknown && html`<td class="number">${list.hypotheses[place].oov || ""}</td>`}${names.map((name) => html`<td key=${name} class="number">${minus(own[name])}</td>`)}
          <td class="number total">${minus(ranks.totals[place])}</td><td class="number">${ranks.before[place]}</td><td class="number">${ranks.after[place]}</td></tr>`;
      })}</tbody></table></div>`}
  </details>`;
}

const minus = (value) => value.toFixed(3).replace(/^-(0\.0+)$/, "$1").replace("-", "−");
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
