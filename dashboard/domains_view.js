/** What a text is about: clusters by their telling terms, how sure each is, how the rounds went, and examples. */
import { announce } from "./announcing.js";
import { useAnswer } from "./answers.js";
import { ask, v1 } from "./api.js";
import { Ago, count, percent } from "./figures.js";
import { Heading } from "./headings.js";
import { html, useEffect, useId, useState } from "./html.js";
import { JobLink } from "./job_parts.js";
import { Problem, Unanswered, Waiting } from "./notices.js";
import { address, go } from "./routing.js";

const ORDERS = {
  size: { title: "the largest first", by: (cluster) => -cluster.paragraphs },
  confidence: { title: "the surest first", by: (cluster) => -cluster.confidence },
  doubt: { title: "the least sure first", by: (cluster) => cluster.confidence },
  number: { title: "by number", by: (cluster) => cluster.id },
};
const SHOWN = 60;
const EXAMPLES = 5;

export function DomainsView({ id, query }) {
  const answer = useAnswer(v1("domains", id));
  const domains = answer.value;
  return html`
    <${Heading} title=${domains?.name ?? id}>${domains && html`<span class="quiet">${count(domains.k)} domains of ${domains.unit}s</span>`}<//>
    <${Unanswered} answer=${answer} />
    ${domains && html`<${Known} domains=${domains} query=${query} />`}`;
}

function Known({ domains, query }) {
  const order = query.get("order") in ORDERS ? query.get("order") : "size";
  const term = query.get("term") ?? "";
  const change = (changed) => go(address(["domains", domains.name ?? domains.id], { ...Object.fromEntries(query), ...changed }), { replace: true });
  return html`<div class="domains">
    <div class="domains-main"><${Clusters} domains=${domains} order=${order} term=${term} change=${change} /></div>
    <div class="domains-side"><${Agreement} domains=${domains} /><${Rounds} rounds=${domains.rounds} /><${Facts} domains=${domains} /></div>
  </div>`;
}

function Clusters({ domains, order, term, change }) {
  const id = useId();
  const [isWhole, setWhole] = useState(false);
  const wanted = term.trim().toLowerCase();
  const fitting = domains.clusters.filter((one) => one.top_terms.some((each) => each.toLowerCase().startsWith(wanted)) || !wanted);
  const sorted = fitting.toSorted((a, b) => ORDERS[order].by(a) - ORDERS[order].by(b) || a.id - b.id);
  const shown = isWhole ? sorted : sorted.slice(0, SHOWN);
  const largest = Math.max(1, ...domains.clusters.map((one) => one.paragraphs));
  useEffect(() => {
    if (wanted) announce(`${fitting.length} of ${domains.k} clusters have such a term`);
  }, [wanted]);
  return html`<section><h2>Clusters</h2>
    <form class="filters" role="search" aria-label="Clusters" onSubmit=${(event) => event.preventDefault()}>
      <span class="filter"><label for=${`${id}-term`}>With the term</label>
        <input id=${`${id}-term`} type="search" autocapitalize="off" autocomplete="off" spellcheck=${false} value=${term}
          onInput=${(event) => change({ term: event.currentTarget.value })} /></span>
      <span class="filter"><label for=${`${id}-order`}>Order</label>
        <select id=${`${id}-order`} value=${order} onChange=${(event) => change({ order: event.currentTarget.value })}>
          ${Object.entries(ORDERS).map(([name, { title }]) => html`<option key=${name} value=${name}>${title}</option>`)}</select></span>
    </form>
    ${sorted.length === 0 && html`<p class="quiet">No cluster has a term that begins so.</p>`}
    <ul class="plain clusters">${shown.map((cluster) => html`<${ClusterLine} key=${cluster.id} domains=${domains} cluster=${cluster} largest=${largest} />`)}</ul>
    ${sorted.length > shown.length && html`<button type="button" onClick=${() => setWhole(true)}>Show all ${count(sorted.length)}</button>`}
  </section>`;
}

function ClusterLine({ domains, cluster, largest }) {
  const [isOpen, setOpen] = useState(false);
  const [first, ...others] = cluster.top_terms;
  const all = domains.clusters.reduce((sum, one) => sum + one.paragraphs, 0) + domains.unclassified;
  return html`<li><details onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary class="cluster">
      <span class="terms"><b>${first ?? `cluster ${cluster.id}`}</b>${others.length > 0 && ` ${others.join(" ")}`}</span>
      <span class="measure">${count(cluster.paragraphs)} <span class="quiet">${domains.unit}s, ${percent(all ? cluster.paragraphs / all : 0)}</span>
        <span class="bar size" aria-hidden="true"><span style=${{ width: `${(100 * cluster.paragraphs) / largest}%` }}></span></span></span>
      <span class="measure">${cluster.confidence.toFixed(2)} <span class="quiet">confidence</span>
        <span class="bar" aria-hidden="true"><span style=${{ width: `${100 * Math.max(0, cluster.confidence)}%` }}></span></span></span>
    </summary>
    ${isOpen && html`<${Examples} domains=${domains} cluster=${cluster} />`}
  </details></li>`;
}

/** The parts of the text that the cluster is surest of, a few at a time. */
function Examples({ domains, cluster }) {
  const [items, setItems] = useState([]);
  const [cursor, setCursor] = useState("0");
  const [failure, setFailure] = useState(undefined);
  const [isAsking, setAsking] = useState(false);
  const more = async () => {
    setAsking(true);
    setFailure(undefined);
    try {
      const page = await ask(`${v1("domains", domains.id, "clusters", String(cluster.id), "examples")}?limit=${EXAMPLES}&cursor=${cursor}`);
      setItems((before) => [...before, ...page.items]);
      setCursor(page.next_cursor);
      announce(`${page.items.length} examples`);
    } catch (failed) {
      setFailure(failed);
    }
    setAsking(false);
  };
  useEffect(() => {
    more();
  }, []);
  const terms = new Set(cluster.top_terms);
  return html`<div class="examples">
    ${items.length > 0 && html`<ol>${items.map((one, place) => html`<li key=${place}>
      <p><${Marked} text=${one.text} terms=${terms} /></p>
      <p class="hint">confidence ${one.confidence.toFixed(2)}${one.gold !== null && html` · label <b>${one.gold}</b>`} · ${one.split}, document ${count(one.document + 1)}${one.words > 100 && ` · ${count(one.words)} words`}</p>
    </li>`)}</ol>`}
    <${Problem} failure=${failure} retry=${more} />
    ${!items.length && !failure && (isAsking || cursor !== null ? html`<${Waiting} />` : html`<p class="quiet">Nothing belongs to it.</p>`)}
    ${items.length > 0 && cursor !== null && html`<button type="button" class="link" disabled=${isAsking} onClick=${more}>More examples</button>`}
  </div>`;
}

/** A text in which the cluster's terms stand out. */
function Marked({ text, terms }) {
  return text.split(" ").map((word, place) => html`${place > 0 && " "}${terms.has(word) || terms.has(word.toLowerCase()) ? html`<b>${word}</b>` : word}`);
}

function Agreement({ domains: { agreement } }) {
  return html`<section><h2>Agreement with labels</h2>
    ${agreement
      ? html`<dl class="facts"><dt>Purity</dt><dd class="number">${percent(agreement.purity)}</dd>
          <dt>NMI</dt><dd class="number">${agreement.nmi.toFixed(3)}</dd></dl>
        <p class="hint">Purity: the share that has its cluster’s most frequent label. NMI: what clusters and labels tell of each other, from 0 to 1.</p>`
      : html`<p class="quiet">The corpus came without labels of its own.</p>`}
  </section>`;
}

function Rounds({ rounds }) {
  if (!rounds.length) return null;
  return html`<section><h2>Rounds</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Rounds"><table>
      <thead><tr><th scope="col" class="number">Round</th><th scope="col" class="number">Kept</th><th scope="col" class="number">Moved</th><th scope="col" class="number">Silhouette</th></tr></thead>
      <tbody>${rounds.map((round, place) => html`<tr key=${place}><td class="number">${place + 1}</td><td class="number">${count(round.kept)}</td>
        <td class="number">${count(round.moved)}</td><td class="number">${round.silhouette === null ? "–" : round.silhouette.toFixed(3)}</td></tr>`)}</tbody>
    </table></div>
    <p class="hint">In each, clusters are computed anew from what was classified with confidence.</p>
  </section>`;
}

function Facts({ domains }) {
  const { corpora, split } = domains.corpus;
  return html`<section><h2>Found</h2><dl class="facts">
    <dt>In</dt><dd>${corpora.map((id, place) => html`${place > 0 && ", "}<${CorpusName} key=${id} id=${id} />`)}${split && html` <span class="quiet">${split}</span>`}</dd>
    <dt>Unclassified</dt><dd>${count(domains.unclassified)}</dd>
    <dt>When</dt><dd><${Ago} at=${domains.created_at} /></dd>
    ${domains.job && html`<dt>By job</dt><dd><${JobLink} job=${{ id: domains.job, name: domains.name }} /></dd>`}
    <dt>Id</dt><dd><code>${domains.id}</code></dd>
  </dl></section>`;
}

function CorpusName({ id }) {
  const { value } = useAnswer(v1("corpora", id));
  return html`<span class=${value?.name ? "name" : "id"}>${value?.name ?? id}</span>`;
}
