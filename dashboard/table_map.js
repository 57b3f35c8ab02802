/** The words of a table as a picture: which table, how many words, how drawn; a word looked for, and its neighbours. */
import { announce } from "./announcing.js";
import { useAnswer, useAnswers } from "./answers.js";
import { v1 } from "./api.js";
import { count, percent } from "./figures.js";
import { html, useEffect, useId, useMemo } from "./html.js";
import { called } from "./names.js";
import { Unanswered } from "./notices.js";
import { Share, Wrong, cosine } from "./table_parts.js";
import { WordMap } from "./word_map.js";

const NUMBERS = [300, 1000, 3000, 5000];
const METHODS = { pca: "PCA", umap: "UMAP" };
const NEIGHBORS = 12;
const LABELS = { limit: "Words", words: "Words", method: "Drawn by" };

/** @param {{ tables: object[], query: URLSearchParams, change: (query: Record<string, string>) => void }} props */
export function TableMap({ tables, query, change }) {
  const table = tables.find((one) => one.id === query.get("table")) ?? tables[0];
  const limit = NUMBERS.includes(Number(query.get("limit"))) ? Number(query.get("limit")) : 1000;
  const method = query.get("method") in METHODS ? query.get("method") : "pca";
  const word = query.get("word") ?? "";
  const answer = useAnswer(`${v1("tables", table.id, "projection")}?method=${method}&limit=${limit}`, { labels: LABELS });
  return html`<section><h2>Map</h2>
    <form class="filters" aria-label="What is drawn" onSubmit=${(event) => event.preventDefault()}>
      <${Choice} label="Table" value=${table.id} choices=${tables.map((one) => [one.id, called(one)])} onChange=${(id) => change({ table: id })} />
      <${Choice} label="Words" value=${limit} choices=${NUMBERS.map((number) => [number, `the first ${count(number)}`])} onChange=${(number) => change({ limit: number })} />
      <${Choice} label="Drawn by" value=${method} choices=${Object.entries(METHODS)} onChange=${(name) => change({ method: name })} />
    </form>
    <${Unanswered} answer=${answer} />
    ${answer.value && html`<${Drawn} key=${`${table.id} ${method} ${limit}`} table=${table} projection=${answer.value} word=${word} change=${change} />`}
  </section>`;
}

function Choice({ label, value, choices, onChange }) {
  const id = useId();
  return html`<span class="filter"><label for=${id}>${label}</label>
    <select id=${id} value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      ${choices.map(([name, text]) => html`<option key=${name} value=${name}>${text}</option>`)}
    </select></span>`;
}

function Drawn({ table, projection, word, change }) {
  const { points, explained_variance: explained } = projection;
  const [answer] = useAnswers(word ? [{ path: v1("tables", table.id, "neighbors"), body: { word, k: NEIGHBORS }, labels: { word: "Find a word" } }] : []);
  const near = answer?.value?.neighbors ?? [];
  const drawn = useMemo(() => new Set(points.map((point) => point.word)), [points]);
  const marks = useMemo(() => ({ word: drawn.has(word) ? word : null, near: near.map((one) => one.word) }), [word, near.length, drawn, near[0]?.word]);
  const search = (next) => change({ word: next });
  useEffect(() => {
    if (near.length) announce(`${word}${drawn.has(word) ? "" : " is not among the words drawn"}. Nearest: ${near.slice(0, 5).map((one) => one.word).join(", ")}`);
  }, [word, near.length]);
  return html`<div class="map-beside">
    <div class="map-main"><${WordMap} name=${called(table)} points=${points} marks=${marks} onWord=${search} />
      <p class="hint">${count(points.length)} words by the directions of their vectors.
        ${explained && ` Of their variance ${percent(explained.x + explained.y)} is seen: what lies apart is apart, what lies close may not be.`}</p></div>
    <div class="map-side">
      <${SearchForm} key=${word} word=${word} onWord=${search} />
      ${word && answer?.failure && html`<${Wrong} answer=${answer} />`}
      ${near.length > 0 && html`
        ${!drawn.has(word) && html`<p class="quiet">${word} is in the table, but not among the words drawn. Draw more of them.</p>`}
        <h3>Nearest to ${word}</h3>
        <ol class="nearest">${near.map((one) => html`<li key=${one.word}>
          <button type="button" class=${drawn.has(one.word) ? "link shared" : "link"} onClick=${() => search(one.word)}>${one.word}</button>
          <${Share} value=${one.similarity} /><span class="number">${cosine(one.similarity)}</span></li>`)}</ol>
        <p class="hint">Marked <span class="shared">like this</span>: on the map. Figures are cosines in all dimensions, not in the two that are drawn.</p>`}
    </div></div>`;
}

function SearchForm({ word, onWord }) {
  const id = useId();
  const send = (event) => {
    event.preventDefault();
    onWord(new FormData(event.currentTarget).get("word").trim());
  };
  return html`<form class="find" role="search" aria-label="Find a word" onSubmit=${send}>
    <label for=${id}>Find a word</label>
    <input id=${id} name="word" type="search" autocapitalize="off" autocomplete="off" spellcheck=${false} defaultValue=${word} />
    <button type="submit">Find</button>
  </form>`;
}
