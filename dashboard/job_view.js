/** One job: how far it is, its curves while they grow, its log, what was asked, what it is made from. */
import { useAction } from "./actions.js";
import { announce } from "./announcing.js";
import { useAnswer } from "./answers.js";
import { ask, v1 } from "./api.js";
import { Curve, drawing } from "./curve.js";
import { Ago, Took, count, figure, perplexity } from "./figures.js";
import { Heading } from "./headings.js";
import { html, useEffect, useLayoutEffect, useRef } from "./html.js";
import { useJobHistory } from "./job_history.js";
import { JobLink, Progress, StatusMark, hasEnded, kindName } from "./job_parts.js";
import { Lineage } from "./lineage.js";
import { called } from "./names.js";
import { Problem, Unanswered } from "./notices.js";
import { address, go } from "./routing.js";

const AGAIN_MILLISECONDS = 5000;

export function JobView({ id }) {
  const answer = useAnswer(v1("jobs", id), { every: AGAIN_MILLISECONDS });
  const job = answer.value;
  useEffect(() => {
    drawing().catch(() => {}); // comes while the figures do; whether it is there shows when it is needed
  }, []);
  return html`
    ${!job && html`<${Heading} title=${id} />`}
    <${Unanswered} answer=${answer} />
    ${job && html`<${Known} job=${job} reload=${answer.reload} />`}`;
}

function Known({ job, reload }) {
  const history = useJobHistory(job.id, { live: !hasEnded(job), onStatus: reload });
  const shown = !hasEnded(job) && history.progress ? { ...job, progress: { ...job.progress, ...history.progress } } : job;
  useToldStatus(job);
  return html`
    <${Heading} title=${called(job)}>
      <${StatusMark} status=${job.status} /><span class="quiet">${kindName(job.kind)}</span>
      <${Actions} job=${job} reload=${reload} />
    <//>
    ${job.status === "running" && html`<${Progress} job=${shown} />`}
    ${job.cancel_requested && html`<p class="quiet">It was asked to stop, and will within seconds.</p>`}
    ${job.error && html`<div class="notice problem"><p><strong>${job.error.title}.</strong> ${job.error.detail}</p></div>`}
    <div class="job">
      <div class="job-main">
        <${Problem} failure=${history.failure} retry=${() => history.load()} />
        <${Curves} history=${history} job=${job} />
        <${Log} lines=${history.lines} />
      </div>
      <div class="job-side">
        <${Facts} job=${job} />
        <${Metrics} metrics=${job.metrics} />
        <${Lineage} job=${job} />
        <section><h2>Specification</h2>
          <details><summary>As JSON, with every default</summary>
            <pre tabindex="0"><code>${JSON.stringify({ kind: job.kind, ...job.spec }, null, 2)}</code></pre></details>
        </section>
      </div>
    </div>`;
}

function useToldStatus(job) {
  const before = useRef(job.status);
  useEffect(() => {
    if (before.current !== job.status) announce(`The job is ${job.status} now.`);
    before.current = job.status;
  }, [job.status]);
}

function Actions({ job, reload }) {
  const { failure, isBusy, act } = useAction();
  const move = (name) => act(() => ask(v1("jobs", job.id, name), { method: "POST" }), reload);
  const remove = () => {
    if (!confirm(`Delete the job ${called(job)}, its log and its curves? What it made stays.`)) return;
    act(() => ask(v1("jobs", job.id), { method: "DELETE" }), () => go(address(["jobs"])));
  };
  const canPost = !["ingest", "probe", "topical_probe", "comparison"].includes(job.kind);
  return html`<div class="actions">
      ${!hasEnded(job) && html`<button type="button" disabled=${isBusy || job.cancel_requested} onClick=${() => move("cancel")}>Cancel</button>`}
      ${["failed", "cancelled"].includes(job.status) && html`<button type="button" class="primary" disabled=${isBusy} onClick=${() => move("retry")}>Retry</button>`}
      ${canPost && html`<a class="button" href=${address(["jobs", "new"], { from: job.id })}>Post one like it</a>`}
      ${hasEnded(job) && html`<button type="button" disabled=${isBusy} onClick=${remove}>Delete</button>`}
    </div>
    ${failure && html`<div class="whole-line"><${Problem} failure=${failure} /></div>`}`;
}

/** What is drawn together, and what is drawn of a kind that has neither. */
function Curves({ history, job }) {
  const points = (name) => history.series.get(name)?.points ?? [];
  const unit = [...history.series.values()].find((series) => series.unit)?.unit ?? "";
  const drawn = (label, name, dots = false) => ({ label, points: points(name), dots });
  const has = (name) => points(name).length > 0;
  if (!history.isKnown && history.series.size === 0) return null;
  const curves = [];
  if (has("train_perplexity") || has("valid_perplexity")) {
    const valid = { ...drawn("valid", "valid_perplexity", true), points: changes(points("valid_perplexity")) };
    const series = [drawn("train", "train_perplexity"), valid].filter((one) => one.points.length);
    curves.push(html`<${Curve} key="perplexity" title="Perplexity" unit=${unit} series=${series} format=${perplexity} />`);
  } else if (has("train_loss")) {
    curves.push(html`<${Curve} key="loss" title="Loss" unit=${unit} series=${[drawn("train", "train_loss")]} />`);
  }
  for (const name of [...history.series.keys()].filter((each) => !DRAWN_ELSEWHERE.has(each) && points(each).length > 1)) {
    curves.push(html`<${Curve} key=${name} title=${words(name)} unit=${unit} series=${[drawn(words(name), name)]} />`);
  }
  if (has("tokens_per_second")) {
    curves.push(html`<${Curve} key="speed" title="Tokens per second" unit=${unit} format=${count}
      series=${[drawn("tokens per second", "tokens_per_second")]} />`);
  }
  if (!curves.length) {
    return html`<section><h2>Curves</h2><p class="quiet">${hasEnded(job) ? "It told no metrics to draw." : "Drawn as soon as it tells its first metrics."}</p></section>`;
  }
  return html`<section><h2>Curves</h2>${curves}</section>`;
}

/** A figure that is found once an epoch is told again until the next: the moments at which it is new. */
const changes = (points) => points.filter(([, value], place) => place === 0 || value !== points[place - 1][1]);

const DRAWN_ELSEWHERE = new Set([
  ...["train_perplexity", "valid_perplexity", "train_loss", "valid_loss", "tokens_per_second"],
  ...["epoch", "learning_rate"],
]);

function Log({ lines }) {
  const box = useRef(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (isAtEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  const look = ({ currentTarget: log }) => {
    isAtEnd.current = log.scrollHeight - log.scrollTop - log.clientHeight < 20;
  };
  return html`<section><h2>Log</h2>
    ${lines.length
      ? html`<div class="log" tabindex="0" role="region" aria-label="Log" ref=${box} onScroll=${look}><ol>
          ${lines.map((line) => html`<li key=${line.id} class=${`told-${line.type}`}><time datetime=${line.at}>${clock(line.at)}</time> ${line.text}</li>`)}
        </ol></div>`
      : html`<p class="quiet">Nothing yet.</p>`}
  </section>`;
}

function Facts({ job }) {
  return html`<section><h2>Job</h2><dl class="facts">
    <dt>Id</dt><dd><code>${job.id}</code></dd>
    <dt>Posted</dt><dd><${Ago} at=${job.created_at} /></dd>
    <dt>Took</dt><dd><${Took} from=${job.started_at} to=${job.finished_at} /></dd>
    ${job.attempt > 1 && html`<dt>Attempt</dt><dd>${job.attempt}</dd>`}
    ${job.result && html`<dt>Made</dt><dd>${job.result.type} <${Result} result=${job.result} /></dd>`}
    ${job.status === "queued" && job.needs.length > 0 && html`<dt>Needs</dt>
      <dd>${job.needs.map((id) => html`<${JobLink} key=${id} job=${{ id, name: null }} /> `)}</dd>`}
  </dl></section>`;
}

const COLLECTIONS = { corpus: "corpora", domains: "domains", model: "models", table: "tables" };

/** What was made, with a link where a page shows it. */
function Result({ result: { type, id } }) {
  const made = useAnswer(COLLECTIONS[type] ? v1(COLLECTIONS[type], id) : null);
  if (made.failure?.status === 404) return html`<code>${id}</code> <span class="quiet">(deleted)</span>`;
  if (type === "table") return html`<a class="id" href=${address(["embeddings"], { tables: id })}>${id}</a>`;
  if (type === "domains") return html`<a class="id" href=${address(["domains", id])}>${id}</a>`;
  return html`<code>${id}</code>`;
}

function Metrics({ metrics }) {
  const names = Object.keys(metrics).sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  if (!names.length) return null;
  return html`<section><h2>Metrics</h2><dl class="facts figures">
    ${names.map((name) => html`<dt key=${name}>${words(name)}</dt><dd class="number">${name.endsWith("perplexity") ? perplexity(metrics[name]) : figure(metrics[name])}</dd>`)}
  </dl></section>`;
}

const FIRST = ["test_perplexity", "valid_perplexity", "train_perplexity"];
const rank = (name) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
const words = (name) => name.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());
const clock = (at) => new Date(at).toLocaleTimeString("en-GB");
