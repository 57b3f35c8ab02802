/** A word's neighbours, or the answers to an analogy, in several tables side by side. */
import { announce } from "./announcing.js";
import { useAnswer, useAnswers } from "./answers.js";
import { v1 } from "./api.js";
import { html, useEffect, useId, useState } from "./html.js";
import { called } from "./names.js";
import { Waiting } from "./notices.js";
import { Share, Wrong, cosine } from "./table_parts.js";

const NUMBERS = [10, 25, 50, 100];
const SUGGESTED = 8;
/** The commonest words say little of a table; so far down they begin to. */
const SUGGESTED_FROM = 150;
const SUGGESTED_OF = 1000;
const SHORTEST_SUGGESTED = 5;
const LABELS = { word: "Word", k: "How many", "negative.0": "First word", "positive.0": "Second word", "positive.1": "Third word" };

/** @param {{ tables: object[], query: URLSearchParams, change: (query: Record<string, string>) => void }} props */
export function Neighbors({ tables, query, change }) {
  const word = query.get("word") ?? "";
  const k = NUMBERS.includes(Number(query.get("k"))) ? Number(query.get("k")) : NUMBERS[0];
  const [a, b, c] = ["a", "b", "c"].map((name) => query.get(name) ?? "");
  return html`
    <section><h2>Neighbours of a word</h2>
      <${WordForm} key=${word} word=${word} k=${k} change=${change} />
      ${word
        ? html`<${SideBySide} title=${`Neighbours of ${word}`} tables=${tables} path="neighbors" body=${{ word, k }} onWord=${(next) => change({ word: next })} />`
        : html`<${Suggestions} table=${tables[0]} onWord=${(next) => change({ word: next })} />`}
    </section>
    <section><h2>Analogies</h2>
      <${AnalogyForm} key=${[a, b, c].join(" ")} words=${[a, b, c]} change=${change} />
      ${a && b && c && html`<${SideBySide} title=${`${a} is to ${b} as ${c} is to …`} tables=${tables} path="analogy"
        body=${{ positive: [b, c], negative: [a], k }} onWord=${(next) => change({ word: next })} />`}
    </section>`;
}

function WordForm({ word, k, change }) {
  const id = useId();
  const [missing, setMissing] = useState("");
  const send = (event) => {
    event.preventDefault();
    const written = new FormData(event.currentTarget).get("word").trim();
    setMissing(written ? "" : "A word is needed.");
    if (written) change({ word: written });
  };
  return html`<form class="filters" role="search" aria-label="Neighbours" onSubmit=${send} novalidate>
    <span class="filter"><label for=${`${id}-word`}>Word</label>
      <input id=${`${id}-word`} name="word" type="text" required
        aria-invalid=${missing ? "true" : undefined} aria-describedby=${missing ? `${id}-missing` : undefined} autocapitalize="off" autocomplete="off" spellcheck=${false} defaultValue=${word} /></span>
    <span class="filter"><label for=${`${id}-k`}>How many</label>
      <select id=${`${id}-k`} value=${k} onChange=${(event) => change({ k: event.currentTarget.value })}>
        ${NUMBERS.map((number) => html`<option key=${number} value=${number}>${number}</option>`)}</select></span>
    <button type="submit" class="primary">Show</button>
    ${missing && html`<span class="reason" id=${`${id}-missing`} role="alert">${missing}</span>`}
  </form>`;
}

function AnalogyForm({ words, change }) {
  const [missing, setMissing] = useState("");
  const send = (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const given = Object.fromEntries(["a", "b", "c"].map((name) => [name, form.get(name).trim()]));
    const isWhole = Object.values(given).every(Boolean);
    setMissing(isWhole ? "" : "Three words are needed.");
    if (isWhole) change(given);
  };
  const field = (name, label, value) => html`<input name=${name} type="text" required class="short" aria-label=${label} autocapitalize="off"
    autocomplete="off" spellcheck=${false} defaultValue=${value} />`;
  return html`<form class="filters analogy" aria-label="Analogy" onSubmit=${send} novalidate>
    ${field("a", "First word", words[0])} is to ${field("b", "Second word", words[1])} as
    ${field("c", "Third word", words[2])} is to …
    <button type="submit">Ask</button>
    ${missing && html`<span class="reason" role="alert">${missing}</span>`}
  </form>`;
}

/** A list of words for each table. A word that several lists have stands out. */
function SideBySide({ title, tables, path, body, onWord }) {
  const answers = useAnswers(tables.map((table) => ({ path: v1("tables", table.id, path), body, labels: LABELS })));
  const lists = answers.map((answer) => answer.value?.neighbors ?? []);
  const times = new Map();
  for (const { word } of lists.flat()) times.set(word, (times.get(word) ?? 0) + 1);
  const isWhole = answers.every((answer) => answer.value || answer.failure);
  useEffect(() => {
    if (isWhole) announce(`${title}: ${lists.filter((list) => list.length).length} of ${tables.length} tables answered`);
  }, [isWhole, title]);
  const some = [...times.values()].some((number) => number > 1);
  return html`<div class="beside" role="region" aria-label=${title}>
      ${tables.map((table, place) => html`<div key=${table.id} class="of-table"><h3>${called(table)}</h3>
        ${answers[place].failure ? html`<${Wrong} answer=${answers[place]} />` : !answers[place].value && html`<${Waiting} />`}
        ${lists[place].length > 0 && html`<ol class="nearest">
          ${lists[place].map((one) => html`<li key=${one.word}>
            <button type="button" class=${times.get(one.word) > 1 ? "link shared" : "link"} onClick=${() => onWord(one.word)}>${one.word}</button>
            <${Share} value=${one.similarity} /><span class="number">${cosine(one.similarity)}</span></li>`)}
        </ol>`}
      </div>`)}
    </div>
    ${some && html`<p class="hint">Marked <span class="shared">like this</span>: in more than one of these lists. Figures are cosines.</p>`}`;
}

/** Some words of a table to begin with. */
function Suggestions({ table, onWord }) {
  const answer = useAnswer(`${v1("tables", table.id, "projection")}?limit=${SUGGESTED_OF}`);
  const words = (answer.value?.points ?? []).map((point) => point.word);
  const telling = words.slice(words.length > 2 * SUGGESTED_FROM ? SUGGESTED_FROM : 0).filter((word) => /^\p{L}+$/u.test(word));
  const long = telling.filter((word) => word.length >= SHORTEST_SUGGESTED);
  const from = long.length >= SUGGESTED ? long : telling;
  const step = Math.max(1, Math.floor(from.length / SUGGESTED));
  const suggested = from.filter((_, place) => place % step === 0).slice(0, SUGGESTED);
  if (!suggested.length) return null;
  return html`<p>Such as ${suggested.map((word, place) => html`${place > 0 && ", "}<button key=${word} type="button" class="link"
    onClick=${() => onWord(word)}>${word}</button>`)}.</p>`;
}
