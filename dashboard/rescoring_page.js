/** Rescoring: n-best lists in, their new order and what made it; weights by sliders, and tuned. */
import { useAnswer } from "./answers.js";
import { Heading } from "./headings.js";
import { html, useState } from "./html.js";
import { namedFirst } from "./names.js";
import { Empty, Unanswered } from "./notices.js";
import { Rescored } from "./rescored_lists.js";
import { ListsForm } from "./rescoring_form.js";
import { address } from "./routing.js";

export const stylesheet = "rescoring_page.css";

/** @param {{ query: URLSearchParams }} props  `model` */
export function Page({ query }) {
  const models = useAnswer("v1/models?limit=100");
  const ngrams = useAnswer("v1/ngrams?limit=100");
  return html`
    <${Heading} title="Rescoring" />
    <${Unanswered} answer=${models} />
    ${models.value && (models.value.items.length
      ? html`<${Bench} models=${models.value.items} ngrams=${ngrams.value?.items ?? []} wanted=${query.get("model")} />`
      : html`<${Empty}><h2>No model yet</h2><p>Rescoring lets a language model choose again among what a speech recogniser heard.${" "}
          <a href=${address(["jobs", "new"])}>Train a model</a>, then bring your lists.</p><//>`)}`;
}

function Bench({ models, ngrams, wanted }) {
  const [result, setResult] = useState(null);
  const first = (wanted && models.find((model) => [model.id, model.name].includes(wanted))) || namedFirst(models)[0];
  return html`<${ListsForm} models=${models} ngrams=${ngrams} first=${first.id} onResult=${setResult} />
    ${result && html`<${Rescored} key=${result.number} result=${result} />`}`;
}
