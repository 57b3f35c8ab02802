/** Jobs: the list at `#/jobs`, one job at `#/jobs/<id or name>`, and the form that posts one at `#/jobs/new`. */
import { html } from "./html.js";
import { JobForm } from "./job_form.js";
import { JobList } from "./job_list.js";
import { JobView } from "./job_view.js";

export const stylesheet = "jobs_page.css";

export function Page({ path: [id], query }) {
  if (id === undefined) return html`<${JobList} query=${query} />`;
  if (id === "new") return html`<${JobForm} key=${query.toString()} query=${query} />`;
  return html`<${JobView} key=${id} id=${id} />`;
}
