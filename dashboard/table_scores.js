/** How much of a vocabulary tables have, and how far they agree with what people say of pairs of words. */
import { useAnswer, useAnswers } from "./answers.js";
import { v1 } from "./api.js";
import { count, percent } from "./figures.js";
import { html, useId } from "./html.js";
import { called } from "./names.js";
import { Problem, Unanswered } from "./notices.js";
import { Share, Wrong, cosine } from "./table_parts.js";

const DATASETS = [
  { name: "wordsim353", title: "WordSim-353", says: "relatedness: coffee and cup" },
  { name: "simlex999", title: "SimLex-999", says: "similarity proper: cup and mug" },
];
const FEW = 0.7;

/** @param {{ tables: object[], query: URLSearchParams, change: (query: Record<string, string>) => void }} props */
export function Scores({ tables, query, change }) {
  return html`<${CoverageOf} tables=${tables} of=${query.get("of") ?? ""} change=${change} /><${Similarity} tables=${tables} />`;
}

function CoverageOf({ tables, of, change }) {
  const id = useId();
  const models = useAnswer("v1/models?limit=100");
  const corpora = useAnswer("v1/corpora?limit=100&status=ready");
  const known = { model: models.value?.items ?? [], corpus: corpora.value?.items ?? [] };
  const first = [["model", known.model[0]], ["corpus", known.corpus[0]]].find(([, one]) => one);
  const isThere = models.value && corpora.value;
  const [type, reference] = of ? of.split(/:(.*)/s) : isThere && first ? [first[0], first[1].id] : [];
  const option = (kind) => (one) => html`<option key=${one.id} value=${`${kind}:${one.id}`}>${called(one)}</option>`;
  return html`<section><h2>Coverage of a vocabulary</h2>
    ${!isThere && html`<${Unanswered} answer=${models.failure ? models : corpora} />`}
    ${isThere && !first && html`<p class="quiet">There is no model and no corpus yet whose words could be looked up.</p>`}
    ${type && html`<form class="filters" aria-label="Coverage" onSubmit=${(event) => event.preventDefault()}>
        <span class="filter"><label for=${id}>Words of</label>
        <select id=${id} value=${`${type}:${reference}`} onChange=${(event) => change({ of: event.currentTarget.value })}>
          ${known.model.length > 0 && html`<optgroup label="Models">${known.model.map(option("model"))}</optgroup>`}
          ${known.corpus.length > 0 && html`<optgroup label="Corpora">${known.corpus.map(option("corpus"))}</optgroup>`}
        </select></span></form>
      <${Coverage} tables=${tables} body=${type === "model" ? { vocabulary_of: reference } : { corpus: reference }} />`}
  </section>`;
}

function Coverage({ tables, body }) {
  const answers = useAnswers(tables.map((table) => ({ path: v1("tables", table.id, "coverage"), body, labels: { vocabulary_of: "Words of", corpus: "Words of" } })));
  const hasTokens = answers.some((answer) => answer.value && answer.value.tokens !== null);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Coverage"><table class="coverage" role="table">
    <thead role="rowgroup"><tr role="row"><th scope="col">Table</th><th scope="col">Distinct words</th>${hasTokens && html`<th scope="col">Running words</th>`}
      <th scope="col" class="missing">Missing</th></tr></thead>
    <tbody role="rowgroup">${tables.map((table, place) => html`<tr key=${table.id} role="row"><th scope="row" role="rowheader" class="name">${called(table)}</th>
      <${CoverageCells} answer=${answers[place]} hasTokens=${hasTokens} /></tr>`)}</tbody>
  </table></div>`;
}

function CoverageCells({ answer: { value, failure, reload }, hasTokens }) {
  // The roles stay where a phone has each row as a block.
  if (failure) return html`<td role="cell" colspan=${hasTokens ? 3 : 2}><${Wrong} answer=${{ failure, reload }} /></td>`;
  if (!value) return html`<td role="cell" colspan=${hasTokens ? 3 : 2} class="quiet">…</td>`;
  const rest = value.types - value.found - value.missing.length;
  return html`
    <td role="cell" data-title="Distinct words"><${Covered} share=${value.coverage} found=${value.found} all=${value.types} /></td>
    ${hasTokens && html`<td role="cell" data-title="Running words"><${Covered} share=${value.token_coverage} found=${value.found_tokens} all=${value.tokens} /></td>`}
    <td role="cell" class="missing quiet" data-title="Missing">${value.missing.join(", ") || "none"}${rest > 0 && ` and ${count(rest)} more`}</td>`;
}

function Covered({ share, found, all }) {
  return html`<span class="covered"><b>${percent(share)}</b> <${Share} value=${share ?? 0} /> <span class="quiet">${count(found)} of ${count(all)}</span></span>`;
}

function Similarity({ tables }) {
  const questions = tables.flatMap((table) => DATASETS.map(({ name }) => ({ path: v1("tables", table.id, "evaluate"), body: { dataset: name } })));
  const answers = useAnswers(questions);
  const of = (row, column) => answers[row * DATASETS.length + column];
  // What the server can't do at all is said once.
  const shared = answers.length && answers.every((answer) => answer.failure) ? answers[0] : undefined;
  const few = answers.some((answer) => answer.value && answer.value.coverage < FEW);
  return html`<section><h2>Word similarity</h2>
    ${shared ? html`<${Problem} failure=${shared.failure} retry=${shared.reload} />`
      : html`<div class="scroll" tabindex="0" role="region" aria-label="Word similarity"><table class="similarity">
        <thead><tr><th scope="col">Table</th>${DATASETS.map((dataset) => html`<th key=${dataset.name} scope="col">${dataset.title} <span class="says">${dataset.says}</span></th>`)}</tr></thead>
        <tbody>${tables.map((table, row) => html`<tr key=${table.id}><th scope="row" class="name">${called(table)}</th>
          ${DATASETS.map((dataset, column) => html`<td key=${dataset.name}><${Agreement} answer=${of(row, column)} /></td>`)}</tr>`)}</tbody>
      </table></div>
      <p class="hint">Spearman’s rank correlation of cosines with people’s judgements, from −1 to 1, and the pairs of which a table has both
        words.${few && " Figures on few pairs say little; compare tables only where they have about as many."}</p>`}
  </section>`;
}

function Agreement({ answer }) {
  if (answer.failure) return html`<${Wrong} answer=${answer} />`;
  if (!answer.value) return html`<span class="quiet">…</span>`;
  const { spearman, found, pairs } = answer.value;
  return html`<span class="covered"><b>${spearman === null ? "–" : cosine(spearman)}</b> <${Share} value=${spearman ?? 0} />
    <span class="quiet">${count(found)} of ${count(pairs)} pairs</span></span>`;
}
