/** Domains: the list at `#/domains`, what one text is about at `#/domains/<id or name>`. */
import { useAnswer } from "./answers.js";
import { DomainsView } from "./domains_view.js";
import { Ago, count } from "./figures.js";
import { Heading } from "./headings.js";
import { html } from "./html.js";
import { called, nameClass } from "./names.js";
import { Empty, Unanswered } from "./notices.js";
import { address } from "./routing.js";

export const stylesheet = "domains_page.css";

const ON_A_PAGE = 50;

export function Page({ path: [id], query }) {
  if (id !== undefined) return html`<${DomainsView} key=${id} id=${id} query=${query} />`;
  return html`<${DomainsList} cursor=${query.get("cursor")} />`;
}

function DomainsList({ cursor }) {
  const answer = useAnswer(`v1/domains?limit=${ON_A_PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
  return html`
    <${Heading} title="Domains"><a class="button primary end" href=${address(["jobs", "new"], { kind: "domains" })}>Find domains</a><//>
    <${Unanswered} answer=${answer} />
    ${answer.value && (answer.value.items.length || cursor ? html`<${Found} page=${answer.value} />` : html`<${None} />`)}`;
}

function Found({ page }) {
  return html`<div class="scroll domains-list" tabindex="0" role="region" aria-label="Domains"><table>
      <thead><tr><th scope="col">Domains</th><th scope="col" class="number">Clusters</th><th scope="col">Of each</th>
        <th scope="col" class="number wide">Unclassified</th><th scope="col" class="end">Found</th></tr></thead>
      <tbody>${page.items.map((one) => html`<tr key=${one.id}>
        <th scope="row"><a class=${nameClass(one)} href=${address(["domains", one.id])}>${called(one)}</a></th>
        <td class="number">${count(one.k)}</td><td>${one.unit}</td><td class="number wide">${count(one.unclassified)}</td>
        <td class="end quiet"><${Ago} at=${one.created_at} /></td></tr>`)}</tbody>
    </table></div>
    ${page.next_cursor && html`<p><a href=${address(["domains"], { cursor: page.next_cursor })}>Older</a></p>`}`;
}

function None() {
  return html`<${Empty}><h2>No domains yet</h2>
    <p>Domains tell what each paragraph of a text is about, found by LSA and k-means without any label. Embeddings can be pre-trained to
      tell them apart. <a href=${address(["jobs", "new"], { kind: "domains" })}>Find those of a corpus</a></p><//>`;
}
