/** What a page says when there is something wrong, nothing there, or nothing yet. */
import { useIsOver } from "./answers.js";
import { html } from "./html.js";

/** A request's failure as a sentence, with a way to try again. While the server is away the banner says so, and what can be
 * tried again is, once it is back; what was sent waits for its button. */
export function Problem({ failure, retry }) {
  const isOver = useIsOver(failure, retry);
  if (!failure || isOver || (failure.isAway && retry)) return null;
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
  if (answer.failure?.isAway) return null; // the banner says it, and it is asked again by itself
  if (answer.failure) return html`<${Problem} failure=${answer.failure} retry=${answer.reload} />`;
  return answer.value === undefined ? html`<${Waiting} />` : null;
}
