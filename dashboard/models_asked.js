/** The models that are asked: what the passage costs each, and by whose surprisal it is coloured. */
import { count, perplexity } from "./figures.js";
import { html, useId } from "./html.js";
import { called, nameClass } from "./names.js";

export const cardOf = (model, cards) => cards.find((card) => card.id === model || card.name === model);

/** What to call a model. */
export const nameOf = (model, cards) => called(cardOf(model, cards) ?? { id: model });

export function ModelsAsked({ models, by, cards, scores, warnings, most, turn }) {
  const others = cards.filter((card) => !models.includes(card.id) && !models.includes(card.name ?? card.id));
  const without = (model) => models.filter((each) => each !== model);
  const isScored = models.some((model) => scores.of(model)?.value);
  return html`<section class="models-asked">
    <h2>${isScored ? "Perplexity of the passage" : "Models"}</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Models"><table>
      <thead><tr><th scope="col">Coloured by</th><th scope="col" class="number">PPL</th>
        <th scope="col" class="number wide">without unknown words</th><th scope="col" class="number wide">Unknown words</th>
        <th scope="col" class="number wide">Tokens</th><th scope="col" class="number wide">Vocabulary</th>
        <th scope="col" class="wide">Pipeline</th><th scope="col"><span class="unseen">Remove</span></th></tr></thead>
      <tbody>${models.map((model) => html`<${Line} key=${model} card=${cardOf(model, cards) ?? { id: model }} isChosen=${model === by}
        reply=${scores.of(model)} onChoose=${() => turn({ by: model }, { replace: true })}
        onRemove=${models.length > 1 && (() => turn({ models: without(model), by: model === by ? "" : by }))} />`)}</tbody>
    </table></div>
    ${others.length > 0 && models.length < most && html`<${Adding} cards=${others} onAdd=${(id) => turn({ models: [...models, id], by })} />`}
    ${warnings.map((warning) => html`<div class="notice warning" key=${warning}><p>${warning}</p></div>`)}
  </section>`;
}

function Line({ card, isChosen, reply, onChoose, onRemove }) {
  const id = useId();
  const figures = reply?.value;
  return html`<tr aria-current=${isChosen ? "true" : undefined}>
    <th scope="row"><span class="choice"><input type="radio" id=${id} name="coloured-by" checked=${isChosen} onChange=${onChoose} />
      <label for=${id} class=${nameClass(card)}>${called(card)}</label></span>
      ${card.spec && called(card) === card.id && html` <span class="quiet">${described(card)}</span>`}
      ${reply?.failure && !reply.failure.isAway && html`<p class="reason">${reply.failure.message}</p>`}</th>
    <td class="number">${figures ? perplexity(figures.perplexity) : ""}</td>
    <td class="number wide">${figures ? perplexity(figures.perplexity_excluding_oov) : ""}</td>
    <td class="number wide">${figures ? count(figures.oov) : ""}</td>
    <td class="number wide">${figures ? count(figures.tokens) : ""}</td>
    <td class="number wide">${count(card.vocabulary?.size)}</td>
    <td class="wide">${card.pipeline}</td>
    <td class="end">${onRemove && html`<button type="button" class="remove" aria-label=${`Remove ${called(card)}`} onClick=${onRemove}>×</button>`}</td>
  </tr>`;
}

/** A few words on a model that has no name. */
function described({ spec }) {
  const input = { learned: "learns its input", table: "on pre-trained vectors" }[spec.input?.type];
  return [input, spec.seed !== undefined && `seed ${spec.seed}`].filter(Boolean).join(", ");
}

function Adding({ cards, onAdd }) {
  const id = useId();
  const add = ({ currentTarget: choice }) => {
    const chosen = choice.value;
    choice.value = "";
    if (chosen) onAdd(chosen);
  };
  const told = (card) => [called(card) === card.id ? `${card.id} ${described(card)}` : called(card), card.metrics.test_perplexity ? `test ${perplexity(card.metrics.test_perplexity)}` : ""].filter(Boolean).join(" · ");
  return html`<p class="adding"><label for=${id}>Add a model</label>${" "}
    <select id=${id} onChange=${add}><option value="">choose one</option>
      ${cards.map((card) => html`<option key=${card.id} value=${card.id}>${told(card)}</option>`)}</select></p>`;
}
