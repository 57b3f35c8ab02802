/** The list of jobs, newest first, a page at a time, by name, status, kind and who posted them. */
import { useAnswer } from "./answers.js";
import { announce } from "./announcing.js";
import { Ago, Took } from "./figures.js";
import { Heading } from "./headings.js";
import { html, useEffect, useId, useRef, useState } from "./html.js";
import { Headline, JobLink, KIND_NAMES, Progress, STATUSES, StatusMark, kindName } from "./job_parts.js";
import { Empty, Unanswered } from "./notices.js";
import { address, go } from "./routing.js";

const ON_A_PAGE = 50;
const AGAIN_MILLISECONDS = 4000;
const TYPING_MILLISECONDS = 300;
const FILTERS = ["search", "status", "kind", "in_experiment"];
const LABELS = { search: "Name", status: "Status", kind: "Kind", in_experiment: "Show", cursor: "Page of the list" };
const POSTED_BY = [["false", "single jobs"], ["true", "jobs of experiments"]];

/** @param {{ query: URLSearchParams }} props  FILTERS, and `cursor` */
export function JobList({ query }) {
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));
  const cursor = query.get("cursor") ?? "";
  const asked = new URLSearchParams(Object.entries({ ...filters, cursor, limit: String(ON_A_PAGE) }).filter(([, value]) => value));
  const answer = useAnswer(`v1/jobs?${asked}`, { every: AGAIN_MILLISECONDS, labels: LABELS });
  const change = (changed, how) => go(address(["jobs"], { ...filters, ...changed }), how);
  return html`
    <${Heading} title="Jobs"><a class="button primary end" href=${address(["jobs", "new"])}>Post a job</a><//>
    <form class="filters" role="search" aria-label="Filter jobs" onSubmit=${(event) => event.preventDefault()}>
      <${Search} value=${filters.search} onChange=${(search) => change({ search }, { replace: true })} />
      <${Filter} label="Show" any="all jobs" value=${filters.in_experiment} choices=${POSTED_BY}
        onChange=${(shown) => change({ in_experiment: shown })} />
      <${Filter} label="Status" any="any status" value=${filters.status} choices=${STATUSES.map((name) => [name, name])}
        onChange=${(status) => change({ status })} />
      <${Filter} label="Kind" any="any kind" value=${filters.kind} choices=${Object.entries(KIND_NAMES)}
        onChange=${(kind) => change({ kind })} />
    </form>
    <${Unanswered} answer=${answer} />
    ${answer.value && html`<${Found} page=${answer.value} filters=${filters} cursor=${cursor} />`}`;
}

/** What stands in a job's name. It is looked for once the typing pauses. */
function Search({ value, onChange }) {
  const id = useId();
  const [draft, setDraft] = useState(value);
  const told = useRef(value);
  const tell = useRef(onChange);
  tell.current = onChange;
  const found = draft.trim();
  useEffect(() => {
    if (value === told.current) return; // of our own making
    told.current = value;
    setDraft(value);
  }, [value]);
  useEffect(() => {
    if (found === told.current) return undefined;
    const pause = setTimeout(() => {
      told.current = found;
      tell.current(found);
    }, TYPING_MILLISECONDS);
    return () => clearTimeout(pause);
  }, [found]);
  return html`<span class="filter"><label for=${id}>Name</label>
    <input id=${id} type="search" maxlength="200" placeholder="any part of it" value=${draft} onInput=${(event) => setDraft(event.currentTarget.value)} /></span>`;
}

function Filter({ label, any, value, choices, onChange }) {
  const id = useId();
  return html`<span class="filter"><label for=${id}>${label}</label>
    <select id=${id} value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      <option value="">${any}</option>
      ${choices.map(([name, text]) => html`<option key=${name} value=${name}>${text}</option>`)}
    </select></span>`;
}

function Found({ page, filters, cursor }) {
  const number = page.items.length;
  const isFiltered = Object.values(filters).some(Boolean);
  useEffect(() => announce(`${number} job${number === 1 ? "" : "s"} on this page`), [...Object.values(filters), cursor]);
  if (number === 0 && !isFiltered && !cursor) {
    return html`<${Empty}><h2>No jobs yet</h2>
      <p>A job turns a corpus into domains, embeddings or a language model.
        ${" "}<a href=${address(["jobs", "new"])}>Post the first one</a>, or see on the${" "}
        <a href=${address([])}>overview</a> how to begin.</p><//>`;
  }
  if (number === 0) return html`<p class="quiet">No job is like that. <a href=${address(["jobs"])}>Show all jobs</a></p>`;
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label="Jobs">
      <table class="jobs" role="table">
        <thead role="rowgroup"><tr role="row"><th scope="col">Status</th><th scope="col">Job</th><th scope="col">Kind</th>
          <th scope="col" class="reached">Reached</th><th scope="col" class="end wide">Took</th><th scope="col" class="end">Posted</th></tr></thead>
        <tbody role="rowgroup">${page.items.map((job) => html`<${Line} key=${job.id} job=${job} />`)}</tbody>
      </table>
    </div>
    <nav class="turning" aria-label="Pages of the list">
      ${cursor && html`<a href=${address(["jobs"], filters)}>Newest</a>`}
      ${page.next_cursor && html`<a href=${address(["jobs"], { ...filters, cursor: page.next_cursor })}>Older</a>`}
    </nav>`;
}

function Line({ job }) {
  // The roles stay where a phone has each row as a block.
  return html`<tr role="row">
    <td role="cell" class="standing"><${StatusMark} status=${job.status} /></td>
    <th scope="row" role="rowheader"><${JobLink} job=${job} /></th>
    <td role="cell" class="kind">${kindName(job.kind)}</td>
    <td role="cell" class="reached">${reached(job)}</td>
    <td role="cell" class="number wide quiet"><${Took} from=${job.started_at} to=${job.finished_at} /></td>
    <td role="cell" class="posted end quiet nowrap"><${Ago} at=${job.created_at} /></td>
  </tr>`;
}

function reached(job) {
  if (job.status === "running") return html`<${Progress} job=${job} />`;
  if (job.status === "failed") return html`<span class="reason cut" title=${job.error?.detail}>${job.error?.detail}</span>`;
  return html`<${Headline} metrics=${job.metrics} />`;
}
