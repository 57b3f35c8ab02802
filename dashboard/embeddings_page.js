/** Embeddings: tables side by side. `#/embeddings` has neighbours and analogies, `…/map` a picture, `…/scores` figures. */
import { useAnswer, useAnswers } from "./answers.js";
import { ROOT, v1 } from "./api.js";
import { count } from "./figures.js";
import { Heading } from "./headings.js";
import { html } from "./html.js";
import { called } from "./names.js";
import { Empty, Problem, Unanswered } from "./notices.js";
import { address, go } from "./routing.js";
import { TableMap } from "./table_map.js";
import { Neighbors } from "./table_neighbors.js";
import { Scores } from "./table_scores.js";

export const stylesheet = "embeddings_page.css";

const VIEWS = [
  { path: undefined, title: "Neighbours", view: Neighbors },
  { path: "map", title: "Map", view: TableMap },
  { path: "scores", title: "Coverage and scores", view: Scores },
];
const MOST_SIDE_BY_SIDE = 6;
const CHOSEN_AT_FIRST = 3;

export function Page({ path: [part], query }) {
  const answer = useAnswer("v1/tables?limit=100");
  const { others, failures } = useOthers(query, answer.value?.items);
  const tables = [...(answer.value?.items ?? []), ...others];
  return html`
    <${Heading} title="Embeddings" />
    <${Unanswered} answer=${answer} />
    ${failures.map((failure) => html`<${Problem} key=${failure.message} failure=${failure} />`)}
    ${answer.value && (tables.length ? html`<${Chosen} tables=${tables} part=${part} query=${query} />` : html`<${None} />`)}`;
}

const NONE = "none";
const askedIn = (query) => (query.get("tables") ?? "").split(",").filter((reference) => reference && reference !== NONE);

/** Tables that the address names and the list doesn't: older ones than it holds, or none any more. */
function useOthers(query, listed) {
  const isListed = (reference) => listed.some((table) => [table.id, table.name].includes(reference));
  const missing = listed ? askedIn(query).filter((reference) => !isListed(reference)) : [];
  const answers = useAnswers(missing.map((reference) => ({ path: v1("tables", reference) })));
  return {
    others: answers.map((answer) => answer.value).filter(Boolean),
    failures: answers.map((answer) => answer.failure).filter((failure) => failure && !failure.isAway),
  };
}

function Chosen({ tables, part, query }) {
  const asked = askedIn(query);
  const named = tables.filter((table) => asked.includes(table.id) || asked.includes(table.name));
  const chosen = query.has("tables") ? named : tables.slice(0, CHOSEN_AT_FIRST);
  const { view: View } = VIEWS.find((one) => one.path === part) ?? VIEWS[0];
  /** The same view with other answers in its form. */
  const change = (changed) => go(address(["embeddings", ...(part ? [part] : [])], { ...Object.fromEntries(query), ...changed }));
  const kept = Object.fromEntries(query);
  return html`
    <${Choice} tables=${tables} chosen=${chosen} onChange=${(ids) => change({ tables: ids.join(",") || NONE })} />
    <nav class="views" aria-label="Views of tables">
      ${VIEWS.map((one) => html`<a key=${one.title} aria-current=${one.view === View ? "page" : undefined}
        href=${address(["embeddings", ...(one.path ? [one.path] : [])], kept)}>${one.title}</a>`)}
    </nav>
    ${chosen.length
      ? html`<${View} tables=${chosen} query=${query} change=${change} />`
      : html`<p class="quiet">Choose a table above.</p>`}`;
}

function Choice({ tables, chosen, onChange }) {
  const isChosen = (table) => chosen.includes(table);
  const turn = (table) => onChange(tables.filter((one) => (one === table ? !isChosen(one) : isChosen(one))).map((one) => one.id));
  return html`<fieldset class="tables-choice"><legend>Tables</legend>
    <div class="choices">
    ${tables.map((table) => html`<label key=${table.id} class="choice">
      <input type="checkbox" checked=${isChosen(table)} disabled=${!isChosen(table) && chosen.length >= MOST_SIDE_BY_SIDE} onChange=${() => turn(table)} />
      <span><span class="name">${called(table)}</span> <span class="quiet">${count(table.words)} × ${table.size}, ${table.source.replaceAll("_", " ")}</span></span>
    </label>`)}</div>
  </fieldset>`;
}

function None() {
  return html`<${Empty}><h2>No tables yet</h2>
    <p>A table gives each word a vector. ${" "}<a href=${address(["jobs", "new"], { kind: "word2vec" })}>Pre-train one</a> on a corpus,
      or send your own: word2vec, GloVe, fastText or safetensors.</p>
    <pre tabindex="0"><code>curl --data-binary @vectors.txt '${new URL("v1/tables", ROOT).href}?name=mine&format=word2vec-text'</code></pre><//>`;
}
