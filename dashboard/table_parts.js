/** What views of tables share. */
import { html } from "./html.js";

/** A cosine, or a correlation: −0.12. */
export const cosine = (value) => value.toFixed(2).replace("-", "−");

/** A share of 1 as a bar; it says nothing that a figure beside it does not. */
export function Share({ value }) {
  return html`<span class="share" aria-hidden="true"><span style=${{ width: `${100 * Math.min(1, Math.max(0, value))}%` }}></span></span>`;
}

/** What went wrong with one of several questions, quietly: the others are there. */
export function Wrong({ answer }) {
  if (answer.failure.isAway) return null; // the banner says it
  return html`<p class="reason">${answer.failure.message} ${answer.failure.status !== 422 && html`<button type="button" class="link" onClick=${() => answer.reload()}>Try again</button>`}</p>`;
}
