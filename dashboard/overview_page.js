/** Overview: what runs, what failed last, which models there are. Where nothing is yet: how to begin. */
import { useAnswer } from "./answers.js";
import { ROOT } from "./api.js";
import { Ago, Took, count, perplexity } from "./figures.js";
import { Heading } from "./headings.js";
import { html } from "./html.js";
import { JobLink, Progress, StatusMark, kindName } from "./job_parts.js";
import { called, nameClass } from "./names.js";
import { Empty, Unanswered } from "./notices.js";
import { address } from "./routing.js";

const SOON = 3000;
const LATER = 10_000;

export function Page() {
  const running = useAnswer("v1/jobs?status=running&limit=10", { every: SOON });
  const queued = useAnswer("v1/jobs?status=queued&limit=5", { every: SOON });
  const failed = useAnswer("v1/jobs?status=failed&limit=5", { every: LATER });
  const models = useAnswer("v1/models?limit=10", { every: LATER });
  const corpora = useAnswer("v1/corpora?limit=1", { every: LATER });
  const answers = [running, queued, failed, models, corpora];
  const isEmpty = answers.every((answer) => answer.value?.items.length === 0);
  return html`
    <${Heading} title="Overview">${!isEmpty && html`<a class="button primary end" href=${address(["jobs", "new"])}>Post a job</a>`}<//>
    ${isEmpty
      ? html`<${HowToBegin} />`
      : html`<div class="columns">
          <${Section} title="Running now" answer=${running} nothing="Nothing runs."
            more=${["Jobs that run", { status: "running" }]} list=${RunningJobs} />
          <${Section} title="Waiting" answer=${queued} nothing="Nothing waits."
            more=${["Jobs that wait", { status: "queued" }]} list=${QueuedJobs} />
          <${Section} title="Failed last" answer=${failed} nothing="Nothing has failed."
            more=${["Jobs that failed", { status: "failed" }]} list=${FailedJobs} />
        </div>
        <${Section} title="Models" answer=${models} list=${Models}
          nothing=${html`No model yet. <a href=${address(["jobs", "new"])}>Train one</a>`} />`}`;
}

/** A part of the page with its own question to the API. */
function Section({ title, answer, nothing, list: List, more }) {
  const items = answer.value?.items ?? [];
  return html`<section>
    <h2>${title}</h2>
    <${Unanswered} answer=${answer} />
    ${answer.value && (items.length ? html`<${List} items=${items} />` : html`<p class="quiet">${nothing}</p>`)}
    ${more && answer.value?.next_cursor && html`<p><a href=${address(["jobs"], more[1])}>${more[0]}, all of them</a></p>`}
  </section>`;
}

function RunningJobs({ items }) {
  return html`<ul class="plain">
    ${items.map((job) => html`<li key=${job.id} class="entry">
        <div class="line"><${JobLink} job=${job} /><span class="quiet">${kindName(job.kind)}</span>
          <span class="quiet end"><${Took} from=${job.started_at} /></span></div>
        <${Progress} job=${job} />
      </li>`)}
  </ul>`;
}

function QueuedJobs({ items }) {
  return html`<ul class="plain">
    ${items.map((job) => html`<li key=${job.id} class="line">
        <${JobLink} job=${job} /><span class="quiet">${kindName(job.kind)}</span>
        <span class="quiet end">${job.needs.length > 0 && "needs another · "}<${Ago} at=${job.created_at} /></span>
      </li>`)}
  </ul>`;
}

function FailedJobs({ items }) {
  return html`<ul class="plain">
    ${items.map((job) => html`<li key=${job.id} class="entry">
        <div class="line"><${StatusMark} status="failed" /><${JobLink} job=${job} />
          <span class="quiet end"><${Ago} at=${job.finished_at} /></span></div>
        <p class="reason">${job.error?.detail}</p>
      </li>`)}
  </ul>`;
}

function Models({ items }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Models"><table>
    <thead><tr><th scope="col">Model</th><th scope="col" class="number">Test PPL</th><th scope="col" class="number">Valid PPL</th>
      <th scope="col" class="number wide">Words</th><th scope="col" class="number wide">Weights</th>
      <th scope="col" class="wide">Pipeline</th><th scope="col" class="end">Made</th></tr></thead>
    <tbody>${items.map((model) => html`<tr key=${model.id}>
      <th scope="row">${model.job
          ? html`<a class=${nameClass(model)} href=${address(["jobs", model.job])}>${called(model)}</a>`
          : html`<span class=${nameClass(model)}>${called(model)}</span>`}</th>
      <td class="number">${perplexity(model.metrics?.test_perplexity)}</td>
      <td class="number">${perplexity(model.metrics?.valid_perplexity)}</td>
      <td class="number wide">${count(model.vocabulary.size)}</td><td class="number wide">${count(model.parameters)}</td>
      <td class="wide">${model.pipeline}</td><td class="end quiet"><${Ago} at=${model.created_at} /></td>
    </tr>`)}</tbody>
  </table></div>`;
}

function HowToBegin() {
  const corpora = new URL("v1/corpora", ROOT).href;
  return html`<${Empty}>
    <h2>Nothing here yet</h2>
    <p>Hindcast trains small language models on your text and tells how well they predict it. To begin:</p>
    <ol class="steps">
      <li><p><strong>Send a text.</strong> A paragraph a line; a blank line ends a document.</p>
        <pre tabindex="0"><code>curl --data-binary @text.txt '${corpora}?name=mine&format=text&splits=90,5,5'</code></pre></li>
      <li><p><strong>Train a model on it.</strong> <a href=${address(["jobs", "new"])}>Post a job</a>; its curve is drawn
        while it learns.</p></li>
      <li><p><strong>Ask what it knows.</strong> Perplexity, next words, the rank of any word:${" "}
        <a href=${new URL("docs", ROOT).href}>all requests are described here</a>.</p></li>
    </ol>
    <p>Or let it show itself: <code>make demo</code> trains five models on an extract of Wikipedia in some minutes.</p>
  <//>`;
}
