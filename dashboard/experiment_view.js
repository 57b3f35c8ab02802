/** One experiment: how far it is, what speaks against its figures, its changes as a chart, its table. */
import { useAction } from "./actions.js";
import { announce } from "./announcing.js";
import { useAnswer } from "./answers.js";
import { ROOT, ask, v1 } from "./api.js";
import { ChangeChart } from "./change_chart.js";
import { HowFar } from "./experiment_list.js";
import { ExperimentTable } from "./experiment_table.js";
import { Ago, count } from "./figures.js";
import { Heading } from "./headings.js";
import { html, useEffect, useRef } from "./html.js";
import { StatusMark, hasEnded } from "./job_parts.js";
import { called } from "./names.js";
import { Problem, Unanswered } from "./notices.js";
import { address, go } from "./routing.js";

const AGAIN_MILLISECONDS = 5000;
const MODELS_TO_COMPARE = 6;
const FORMATS = { markdown: "Markdown", csv: "CSV", json: "JSON" };

export function ExperimentView({ id }) {
  const answer = useAnswer(v1("experiments", id), { every: AGAIN_MILLISECONDS });
  const experiment = answer.value;
  return html`
    ${!experiment && html`<${Heading} title=${id} />`}
    <${Unanswered} answer=${answer} />
    ${experiment && html`<${Known} experiment=${experiment} reload=${answer.reload} />`}`;
}

function Known({ experiment, reload }) {
  const { status, rows, warnings } = experiment;
  useToldStatus(status);
  return html`
    <${Heading} title=${called(experiment)}>
      <${StatusMark} status=${status} /><span class="quiet">posted <${Ago} at=${experiment.created_at} /></span>
      <${Actions} experiment=${experiment} reload=${reload} />
    <//>
    ${!hasEnded(experiment) && html`<${HowFar} experiment=${experiment} />`}
    ${warnings.length > 0 && html`<div class="notice warning"><ul>${warnings.map((warning) => html`<li key=${warning}>${warning}</li>`)}</ul></div>`}
    <${ChangeChart} experiment=${experiment} />
    <section><h2>Table</h2>
      <${ExperimentTable} experiment=${experiment} />
      <p class="table-legend">${legend(experiment)}</p>
      <${Elsewhere} experiment=${experiment} />
    </section>
    <${Prepared} prepared=${experiment.prepared} />
    <section><h2>Request</h2><details><summary>As JSON, with every default</summary>
      <pre tabindex="0"><code>${JSON.stringify(experiment.spec, null, 2)}</code></pre></details></section>`;
}

function useToldStatus(status) {
  const before = useRef(status);
  useEffect(() => {
    if (before.current !== status) announce(`The experiment is ${status} now.`);
    before.current = status;
  }, [status]);
}

function Actions({ experiment, reload }) {
  const { failure, isBusy, act } = useAction();
  const isOver = hasEnded(experiment);
  const lacksIntervals = ({ status, perplexity: own, relative_to_baseline: compared }) =>
    status === "succeeded" && own && (!own.ci95 || (typeof compared?.change === "number" && !compared.ci95));
  const canRetry =
    experiment.status === "cancelled" ||
    experiment.rows.some((row) => ["failed", "cancelled"].includes(row.status) || (isOver && lacksIntervals(row)));
  const move = (name) => act(() => ask(v1("experiments", experiment.id, name), { method: "POST" }), reload);
  const remove = () => {
    if (!confirm(`Delete the experiment ${called(experiment)}? Its jobs and models stay.`)) return;
    act(() => ask(v1("experiments", experiment.id), { method: "DELETE" }), () => go(address(["experiments"])));
  };
  return html`<div class="actions">
      ${!isOver && html`<button type="button" disabled=${isBusy} onClick=${() => move("cancel")}>Cancel</button>`}
      ${canRetry && html`<button type="button" class="primary" disabled=${isBusy} onClick=${() => move("retry")}>Retry what failed</button>`}
      ${isOver && html`<button type="button" disabled=${isBusy} onClick=${remove}>Delete</button>`}
    </div>
    ${failure && html`<div class="whole-line"><${Problem} failure=${failure} /></div>`}`;
}

/** What the table's figures are. */
function legend({ rows, seeds, probes }) {
  const texts = [...new Set(rows.map((row) => row.perplexity?.on).filter(Boolean))];
  if (!texts.length) return "There is no held-out text, and so no perplexity.";
  const over = seeds.length === 1 ? "one model a row" : `mean ± standard deviation over ${seeds.length} models a row`;
  const told = [`PPL: perplexity of the ${texts.join(" and ")} text, ${over}.`];
  if (rows.some((row) => row.relative_to_baseline?.ci95)) {
    told.push(`In brackets: 95 % intervals by a paired bootstrap over its sentences${seeds.length > 1 ? ", and over the seeds by Student’s t" : ""}; p: two-sided, of the same.`);
  }
  if (rows.some((row) => row.paper_perplexity)) told.push("The paper’s figures are of other text: changes compare, perplexities don’t.");
  const topical = rows.find((row) => row.ranks)?.ranks;
  if (topical) told.push(`Ranks: the median over ${count(topical.words)} topical words of that text, given the document so far, and given their sentence alone.`);
  for (const probe of Array.isArray(probes) ? probes : []) told.push(`Rank of ${probe.target} after “${ending(probe.context)}”.`);
  return told.join(" ");
}

const LAST_CHARACTERS = 90;
const ending = (context) => (context.length > LAST_CHARACTERS ? `… ${context.slice(-LAST_CHARACTERS).replace(/^\S*\s/, "")}` : context);

function Elsewhere({ experiment }) {
  const models = experiment.rows.flatMap((row) => row.models.slice(0, 1)).slice(0, MODELS_TO_COMPARE);
  const file = (format) => new URL(`${v1("experiments", experiment.id)}?format=${format}`, ROOT).href;
  return html`<p class="elsewhere">The table as ${Object.entries(FORMATS).map(([format, name], number) => html`${number > 0 && ", "}<a key=${format} href=${file(format)}>${name}</a>`)}
    ${models.length > 0 && html` · <a href=${address(["words"], { models: models.join(",") })}>Ask its models about words in context</a>`}</p>`;
}

function Prepared({ prepared }) {
  if (!prepared.length) return null;
  return html`<section><h2>Prepared for several rows</h2><ul class="plain">
    ${prepared.map((one) => html`<li key=${one.name} class="line"><${StatusMark} status=${one.status} /><a class="name" href=${address(["jobs", one.job])}>${one.name}</a></li>`)}
  </ul></section>`;
}
