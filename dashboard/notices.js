/** What a page says when there is something wrong, nothing there, or nothing yet. */
import { html } from "./html.js";

/** A request's failure as a sentence, with a way to try again. */
export function Problem({ failure, retry }) {
  if (!failure) return null;
  return html`<div class="notice problem" role="alert">
    <p>${failure.message}</p>
    ${retry && html`<button type="button" onClick=${() => retry()}>Try again</button>`}
  </div>`;
}

/** Nothing is there, and how to change that. */
export function Empty({ children }) {
  return html`<div class="empty">${children}</div>`;
}

/** An answer is on its way. Seen only where it takes a while. */
export function Waiting() {
  return html`<p class="waiting" aria-busy="true">Asking the server …</p>`;
}

/** What stands between a question and its answer, or nothing once there is one. */
export function Unanswered({ answer }) {
  if (answer.failure) return html`<${Problem} failure=${answer.failure} retry=${answer.reload} />`;
  return answer.value === undefined ? html`<${Waiting} />` : null;
}
