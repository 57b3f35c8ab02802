/** The list of experiments, newest first, a page at a time. */
import { useAnswer } from "./answers.js";
import { ROOT } from "./api.js";
import { Ago, count } from "./figures.js";
import { Heading } from "./headings.js";
import { html } from "./html.js";
import { Progress, StatusMark } from "./job_parts.js";
import { called, nameClass } from "./names.js";
import { Empty, Unanswered } from "./notices.js";
import { address } from "./routing.js";

const ON_A_PAGE = 50;
const AGAIN_MILLISECONDS = 5000;

/** @param {{ query: URLSearchParams }} props  `cursor` */
export function ExperimentList({ query }) {
  const cursor = query.get("cursor") ?? "";
  const asked = new URLSearchParams({ limit: String(ON_A_PAGE), ...(cursor && { cursor }) });
  const answer = useAnswer(`v1/experiments?${asked}`, { every: AGAIN_MILLISECONDS });
  return html`
    <${Heading} title="Experiments" />
    <${Unanswered} answer=${answer} />
    ${answer.value && html`<${Found} page=${answer.value} cursor=${cursor} />`}`;
}

function Found({ page, cursor }) {
  if (page.items.length === 0 && !cursor) return html`<${HowToBegin} />`;
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label="Experiments"><table class="experiments">
      <thead><tr><th scope="col">Status</th><th scope="col">Experiment</th><th scope="col" class="wide">Jobs</th><th scope="col" class="end">Posted</th></tr></thead>
      <tbody>${page.items.map((one) => html`<tr key=${one.id}>
        <td><${StatusMark} status=${one.status} /></td>
        <th scope="row"><a class=${nameClass(one)} href=${address(["experiments", one.id])}>${called(one)}</a></th>
        <td class="wide">${one.status === "running" ? html`<${HowFar} experiment=${one} />` : count(one.progress.total)}</td>
        <td class="end quiet"><${Ago} at=${one.created_at} /></td></tr>`)}</tbody>
    </table></div>
    <nav class="turning" aria-label="Pages of the list">
      ${cursor && html`<a href=${address(["experiments"])}>Newest</a>`}
      ${page.next_cursor && html`<a href=${address(["experiments"], { cursor: page.next_cursor })}>Older</a>`}
    </nav>`;
}

/** How far its jobs are. */
export function HowFar({ experiment }) {
  const { fraction, done, total } = experiment.progress;
  const message = `${count(done)} of ${count(total)} jobs have ended`;
  return html`<${Progress} job=${{ ...experiment, progress: { fraction, message, eta_seconds: null } }} />`;
}

const FIRST = {
  name: "first",
  lm: { train: { corpus: "mine", split: "train" }, valid: { corpus: "mine", split: "valid" }, test: { corpus: "mine", split: "test" } },
  rows: [
    { label: "no pre-training" },
    { label: "word2vec", pretrain: { kind: "word2vec", corpus: "mine" }, input: { normalization: "unit", compression: null } },
  ],
  seeds: [1, 2, 3],
  probes: { auto: 300 },
};

function HowToBegin() {
  const command = `curl ${new URL("v1/experiments", ROOT).href} --json '${JSON.stringify(FIRST, null, 2)}'`;
  return html`<${Empty}><h2>No experiments yet</h2>
    <p>An experiment trains the same language model on several embeddings and with several seeds, and answers one table: is
      any better than none, and how sure is that? On a corpus called <code>mine</code>:</p>
    <pre tabindex="0" aria-label="A first experiment"><code>${command}</code></pre>
    <p><code>make demo</code> posts one, <code>make table1</code> the paper’s. All fields are described
      in <a href=${new URL("docs", ROOT).href}>the API’s documentation</a>.</p><//>`;
}
