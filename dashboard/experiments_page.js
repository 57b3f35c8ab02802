/** Experiments: the list at `#/experiments`, one experiment's table at `#/experiments/<id or name>`. */
import { ExperimentList } from "./experiment_list.js";
import { ExperimentView } from "./experiment_view.js";
import { html } from "./html.js";

export const stylesheet = "experiments_page.css";

export function Page({ path: [id], query }) {
  return id === undefined ? html`<${ExperimentList} query=${query} />` : html`<${ExperimentView} key=${id} id=${id} />`;
}
