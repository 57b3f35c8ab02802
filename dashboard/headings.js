/** A page's title: its heading, the browser's tab, and what screen readers are told. */
import { announce } from "./announcing.js";
import { html, useEffect } from "./html.js";

/** The heading of a page, with what stands beside it. */
export function Heading({ title, children }) {
  useEffect(() => {
    document.title = title === "Overview" ? "Hindcast" : `${title} · Hindcast`;
    announce(title);
  }, [title]);
  return html`<div class="heading"><h1>${title}</h1>${children}</div>`;
}
