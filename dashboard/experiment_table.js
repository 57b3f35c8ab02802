/** The paper's Table 1 of an experiment. Each row opens to its figures for each seed, and to its jobs. */
import { ask, v1 } from "./api.js";
import { change, count, duration, percent, perplexity } from "./figures.js";
import { Fragment, html, useEffect, useState } from "./html.js";
import { StatusMark, kindName } from "./job_parts.js";
import { address } from "./routing.js";

const FEW_CORPORA = 2;

export function ExperimentTable({ experiment }) {
  const { rows, seeds } = experiment;
  const hasPaper = rows.some((row) => row.paper_perplexity);
  const ranked = rankColumns(experiment);
  const columns = 7 + Number(hasPaper) + ranked.length;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Table"><table class="rows">
    <thead><tr><th scope="col">Row</th><th scope="col" class="wide">Dataset</th><th scope="col" class="wide">Unit</th><th scope="col" class="wide">Objective</th>
      <th scope="col" class="number">PPL</th>${hasPaper && html`<th scope="col" class="number wide">Paper</th>`}
      <th scope="col" class="number">Change</th><th scope="col" class="number wide">p</th>
      ${ranked.map(({ title }) => html`<th key=${title} scope="col" class="number wide">${title}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<${Row} key=${row.label} row=${row} seeds=${seeds} hasPaper=${hasPaper} ranked=${ranked} columns=${columns} />`)}</tbody>
  </table></div>`;
}

/** The columns of ranks: of words that the text chose, or of those that were asked for. */
function rankColumns({ rows, probes }) {
  if (!Array.isArray(probes)) {
    if (!rows.some((row) => row.ranks)) return [];
    return [
      { title: "Median rank", of: (row) => row.ranks?.median },
      { title: "… sentence alone", of: (row) => row.ranks?.sentence.median },
    ];
  }
  return probes.map(({ target }, number) => ({ title: `Rank of ${target}`, of: (row) => row.probes[number]?.rank }));
}

function Row({ row, seeds, hasPaper, ranked, columns }) {
  const [isOpen, setOpen] = useState(false);
  const { pretraining: made, relative_to_baseline: compared } = row;
  return html`<${Fragment}>
    <tr class=${isOpen ? "is-open" : undefined}>
      <th scope="row"><button type="button" class="opener" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>${row.label}</button>
        ${row.status !== "succeeded" && html`<div><${StatusMark} status=${row.status} /></div>`}
        ${row.error && html`<p class="reason">${row.error}</p>`}</th>
      <td class="wide">${made ? html`<span title=${made.dataset}>${fewOf(made.dataset)}</span>` : "/"}</td>
      <td class="wide">${made?.unit ?? "/"}</td><td class="wide">${made?.objective ?? "/"}</td>
      <td class="number">${meanOf(row.perplexity)}</td>
      ${hasPaper && html`<td class="number wide quiet">${row.paper_perplexity ? perplexity(row.paper_perplexity) : ""}</td>`}
      <td class="number">${compared && html`${change(compared.change)}<${Interval} of=${compared.ci95} />`}</td>
      <td class="number wide">${compared ? chance(compared.p_value) : ""}</td>
      ${ranked.map(({ title, of }) => html`<td key=${title} class="number wide">${isKnown(of(row)) ? count(of(row)) : ""}</td>`)}
    </tr>
    ${isOpen && html`<tr class="details"><td colspan=${columns}><${Details} row=${row} seeds=${seeds} /></td></tr>`}
  <//>`;
}

const isKnown = (value) => value !== null && value !== undefined;

function meanOf(figures) {
  if (!isKnown(figures?.mean)) return "";
  return html`${perplexity(figures.mean)}${isKnown(figures.std) && html` <span class="quiet">± ${figures.std.toFixed(1)}</span>`}`;
}

function Interval({ of }) {
  if (!of) return null;
  const [low, high] = of.map((end) => change(end).replace(" %", ""));
  return html` <span class="quiet interval">[${low}, ${high}]</span>`;
}

/** All names of many corpora stand in the row's details. */
function fewOf(dataset) {
  const names = dataset.split(", ");
  return names.length > FEW_CORPORA ? `${names[0]} and ${names.length - 1} more` : dataset;
}

/** A p-value: no smaller than the bootstrap can tell. */
function chance(value) {
  if (!isKnown(value)) return "";
  return value < 0.001 ? "< 0.001" : value.toFixed(3);
}

function Details({ row, seeds }) {
  const { perplexity: figures, ranks, pretraining, relative_to_baseline: compared } = row;
  return html`<div class="columns">
    <div><h3>Each seed</h3><table><thead><tr><th scope="col">Seed</th><th scope="col" class="number">PPL</th>
        ${row.probes.map((probe) => html`<th key=${probe.target} scope="col" class="number">Rank of ${probe.target}</th>`)}</tr></thead>
      <tbody>${seeds.map((seed, place) => html`<tr key=${seed}><th scope="row">${seed}</th><td class="number">${perplexity(figures?.per_seed[place])}</td>
        ${row.probes.map((probe) => html`<td key=${probe.target} class="number">${count(probe.per_seed[place]?.rank)}</td>`)}</tr>`)}</tbody></table></div>
    <div><h3>Figures</h3><dl class="facts figures">
      ${figures?.ci95 && html`<dt>PPL, 95 %</dt><dd class="number">${figures.ci95.map((end) => perplexity(end)).join(" to ")}</dd>`}
      ${isKnown(compared?.p_value) && html`<dt>p of the change</dt><dd class="number">${chance(compared.p_value)}</dd>`}
      ${row.paper_perplexity && html`<dt>PPL in the paper</dt><dd class="number">${perplexity(row.paper_perplexity)}</dd>`}
      ${ranks && html`<dt>Median rank</dt><dd class="number">${count(ranks.median)} <span class="quiet">(sentence ${count(ranks.sentence.median)})</span></dd>
        <dt>Mean reciprocal rank</dt><dd class="number">${ranks.mrr.toFixed(3)} <span class="quiet">(sentence ${ranks.sentence.mrr.toFixed(3)})</span></dd>
        <dt>Among the first 10</dt><dd class="number">${percent(ranks.hits_at_10)} <span class="quiet">(${percent(ranks.sentence.hits_at_10)})</span></dd>
        <dt>Among the first 100</dt><dd class="number">${percent(ranks.hits_at_100)} <span class="quiet">(${percent(ranks.sentence.hits_at_100)})</span></dd>`}
      ${isKnown(row.oov_rate) && html`<dt>Unknown words</dt><dd class="number">${percent(row.oov_rate)}</dd>`}
      ${isKnown(row.parameters) && html`<dt>Trained weights</dt><dd class="number">${count(row.parameters)}</dd>`}
      ${row.seconds > 0 && html`<dt>Training, all seeds</dt><dd class="number">${duration(row.seconds)}</dd>`}
      ${pretraining && html`<dt>Pre-trained as</dt><dd>${[pretraining.objective, pretraining.unit].filter(Boolean).join(", by ")}</dd>
        <dt>Dataset</dt><dd class="dataset">${pretraining.dataset}</dd>`}</dl></div>
    <div><h3>Jobs</h3><${Jobs} row=${row} /></div>
  </div>`;
}

/** The row's jobs, each as it stands. */
function Jobs({ row }) {
  const [jobs, setJobs] = useState([]);
  useEffect(() => {
    const ending = new AbortController();
    // One that was deleted is told by its id.
    const find = (id) => ask(v1("jobs", id), { signal: ending.signal }).catch(() => ({ id, name: null, gone: true }));
    Promise.all(row.jobs.map(find)).then((found) => ending.signal.aborted || setJobs(found));
    return () => ending.abort();
  }, [JSON.stringify(row)]);
  return html`<ul class="plain row-jobs">${jobs.map((job) => html`<li key=${job.id} class="line">
    ${job.gone ? html`<span class="id">${job.id}</span><span class="quiet">can’t be found</span>`
      : html`<${StatusMark} status=${job.status} /><a href=${address(["jobs", job.id])}>${whatItDoes(job)}</a>
        ${isKnown(seedOf(job)) && html`<span class="quiet">seed ${seedOf(job)}</span>`}`}</li>`)}</ul>`;
}

/** Of a row's two jobs of the same kind one is for itself. */
const whatItDoes = ({ kind, spec }) => (kind === "comparison" && !spec.baseline.length ? "interval" : kindName(kind));

/** The seed of a job, or of the model that it asks: its label says that. */
const seedOf = ({ spec, label }) => spec.seed ?? /, seed (\d+)$/.exec(label ?? "")?.[1];
