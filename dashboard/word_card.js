/** What a model expected at a place, and where the word that stands there was among all that it knows. */
import { count, figure } from "./figures.js";
import { html } from "./html.js";
import { bitsOf } from "./passage_view.js";

export function WordCard({ id, place, size, isNext }) {
  if (!place) return html`<div class="word-card" id=${id}><p class="quiet"><span class="by-pointer">Point at a word, or go to it with the arrow keys,</span><span
    class="by-touch">Tap a word</span> to see its rank and what was expected.</p></div>`;
  return html`<div class="word-card" id=${id}>
    <h3>${isNext ? "What comes next?" : place.isEnd ? html`⏎ <span class="quiet">end of the sentence</span>` : place.token}</h3>
    ${isNext ? html`<p class="standing quiet">The model expects, of ${count(size)} words:</p>` : html`<${Standing} place=${place} size=${size} />`}
    <table class="likely"><caption class="unseen">Most probable there</caption>
      <tbody>${place.top.map(({ word, probability }) => html`<tr key=${word} class=${word === place.token && !place.oov && !isNext ? "is-it" : undefined}>
        <th scope="row">${shown(word)}</th>
        <td><span class="bar" style=${{ width: `${(100 * probability) / place.top[0].probability}%` }}></span></td>
        <td class="number">${share(probability)}</td></tr>`)}</tbody></table>
  </div>`;
}

function Standing({ place, size }) {
  const odds = share(2 ** -place.bits);
  if (place.oov) {
    return html`<p class="standing">Not among the model’s ${count(size)} words: scored as <code>${"<unk>"}</code>, ${bitsOf(place.bits)} bits, ${odds}.</p>`;
  }
  return html`<p class="standing"><strong>Rank ${count(place.rank)}</strong> of ${count(size)} · ${bitsOf(place.bits)} bits · ${odds}</p>`;
}

/** A word of the vocabulary as people read it. */
export const shown = (word) => ({ "</s>": html`⏎ <span class="quiet">end</span>`, "<unk>": html`<span class="quiet">unknown word</span>` })[word] ?? word;

/** A probability: 12.3 %, 0.04 %, 3.1e-6 */
export function share(probability) {
  const percent = 100 * probability;
  if (percent >= 10) return `${percent.toFixed(0)} %`;
  if (percent >= 1) return `${percent.toFixed(1)} %`;
  return percent >= 0.001 ? `${percent.toPrecision(2)} %` : figure(probability);
}
