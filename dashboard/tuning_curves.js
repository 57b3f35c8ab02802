/** Weights from lists whose references are known: what the service finds, what it is worth, and word errors around it. */
import { announce } from "./announcing.js";
import { ask, v1 } from "./api.js";
import { Curve } from "./curve.js";
import { count, figure } from "./figures.js";
import { html, useMemo, useState } from "./html.js";
import { errorsOver } from "./n_best.js";
import { Problem } from "./notices.js";
import { LABELS } from "./rescoring_form.js";

const HELD_BACK_FROM = 40;
/** From here on small weights would have no room beside large ones. */
const WIDE = 10;
const TUNING_LABELS = {
  development: "Lists to tune on",
  report: "Lists held back",
  interpolations: LABELS.neural_weight,
  "options.context": LABELS.context,
  "options.text.case": LABELS.case,
  "options.interpolation.ngram": LABELS.ngram,
  "options.interpolation.weight": LABELS.neural_weight,
  "options.oov.penalty": LABELS.oov_penalty,
};
const VERDICTS = {
  improves: "The tuned weights make fewer word errors, and more clearly than chance would.",
  "no significant gain": "No significant gain: the tuned weights are not shown to help.",
  worse: "Worse: the tuned weights make more word errors.",
};

export function Tuning({ result, sets, weights, onWeights }) {
  const [isHalved, setHalved] = useState(sets.length >= HELD_BACK_FROM);
  const [tuned, setTuned] = useState(null);
  const [failure, setFailure] = useState(undefined);
  const [isBusy, setBusy] = useState(false);
  const hasGraph = result.lists.some((list) => list.hypotheses.some((each) => each.graph_score));
  const tune = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      const answer = await ask(v1("models", result.model, "rescore", "tune"), { method: "POST", body: requestOf(sets, result, isHalved), labels: TUNING_LABELS });
      setTuned({ answer, development: isHalved ? sets.filter((_, place) => place % 2 === 0) : sets });
      announce(`Tuned: ${answer.verdict}`);
    } catch (failed) {
      setFailure(failed);
    }
    setBusy(false);
  };
  return html`<section><h2>Tuning</h2>
    ${sets.length === 0 && html`<p class="quiet">With lists that have a <code>reference</code>, what was really said, weights can be tuned here.</p>`}
    ${sets.length > 0 && hasGraph && html`<p class="quiet">These scores hold those of pronunciations, which tuning has no field for.</p>`}
    ${sets.length > 0 && !hasGraph && html`
      <div class="send-line"><button type="button" disabled=${isBusy} onClick=${tune}>${isBusy ? "Tuning …" : `Tune on ${count(isHalved ? Math.ceil(sets.length / 2) : sets.length)} lists`}</button>
        ${sets.length > 1 && html`<label><input type="checkbox" checked=${isHalved} onChange=${(event) => setHalved(event.currentTarget.checked)} /> Hold back every second list to judge the weights</label>`}</div>
      <${Problem} failure=${failure} retry=${tune} />
      ${tuned && html`<${Tuned} tuned=${tuned} making=${result.making} weights=${weights} onWeights=${onWeights} />`}`}
  </section>`;
}

/** Lists and options as the service takes them. The n-gram's share stays what it is: components are of that share. */
function requestOf(sets, { options, weights }, isHalved) {
  const lists = sets.map(({ list }) => ({
    utterance: list.utterance,
    reference: list.reference,
    hypotheses: list.hypotheses.map(({ text, am_score, lm_score }) => ({ text, am_score: am_score ?? null, lm_score: lm_score ?? null })),
  }));
  const interpolation = options.ngram && { ngram: options.ngram, weight: Number(options.neural_weight), mode: options.interpolation };
  return {
    development: isHalved ? lists.filter((_, place) => place % 2 === 0) : lists,
    ...(isHalved ? { report: lists.filter((_, place) => place % 2 === 1) } : {}),
    ...(interpolation ? { interpolations: [interpolation.weight] } : {}),
    options: {
      ...weights,
      context: options.context,
      text: { case: options.case },
      ...(interpolation ? { interpolation } : {}),
      ...(options.oov_penalty ? { oov: { penalty: Number(options.oov_penalty) } } : {}),
    },
  };
}

function Tuned({ tuned: { answer, development }, making, weights, onWeights }) {
  const { am_scale, lm_weight, word_insertion_penalty } = answer.weights;
  const found = { am_scale, lm_weight, word_insertion_penalty };
  const isUsed = Object.entries(found).every(([name, value]) => weights[name] === value);
  const rows = [["Tuned on", answer.development], ["Held back", answer.report]].filter(([, figures]) => figures);
  return html`
    <p class=${`verdict ${answer.verdict.split(" ")[0]}`}><b>${VERDICTS[answer.verdict]}</b></p>
    <div class="scroll" tabindex="0" role="region" aria-label="Word error rates"><table>
      <thead><tr><th scope="col">Lists</th><th scope="col" class="number">Before</th><th scope="col" class="number">After</th><th scope="col" class="number">Lowest possible</th>
        <th scope="col" class="number">Change, 95 %</th><th scope="col" class="number">p</th></tr></thead>
      <tbody>${rows.map(([title, figures]) => html`<tr key=${title}><th scope="row">${title}</th><td class="number">${rate(figures.wer_before)}</td>
        <td class="number"><b>${rate(figures.wer_after)}</b></td><td class="number">${rate(figures.wer_oracle)}</td>
        <td class="number">${signed(figures.wer_after - figures.wer_before)} <span class="quiet">(${signed(figures.ci95[0])} to ${signed(figures.ci95[1])})</span></td>
        <td class="number">${figure(figures.p_value)}</td></tr>`)}</tbody>
    </table></div>
    ${answer.warnings.map((warning) => html`<p key=${warning} class="hint">Note: ${warning.replace(/\.$/, "")}.</p>`)}
    <p class="tuned-weights">Weights: <b>${figure(lm_weight)}</b> language model, <b>${figure(word_insertion_penalty)}</b> word insertion penalty, <b>${figure(am_scale)}</b> acoustic scale.
      ${" "}<button type="button" disabled=${isUsed} onClick=${() => onWeights(found)}>${isUsed ? "In use" : "Use them above"}</button></p>
    <${ErrorCurve} title="Word error rate over the language model weight" name="lm_weight" unit="language model weight" span=${[0, Math.max(2, 2 * lm_weight)]}
      sets=${development} found=${found} making=${making} now=${weights.lm_weight} />
    <${ErrorCurve} title="Word error rate over the word insertion penalty" name="word_insertion_penalty" unit="word insertion penalty"
      span=${[Math.min(-5, 2 * word_insertion_penalty), Math.max(5, 2 * word_insertion_penalty)]}
      sets=${development} found=${found} making=${making} now=${weights.word_insertion_penalty} />
    <p class="hint">On the lists tuned on; the other weights are the tuned ones.</p>`;
}

function ErrorCurve({ title, name, unit, span, sets, found, making, now }) {
  const narrowing = span[1] > WIDE;
  const points = useMemo(() => errorsOver(sets, name, span, found, making, narrowing), [sets, name, ...span, ...Object.values(found)]);
  const marks = [{ x: found[name], label: `tuned ${figure(found[name])}` }, ...(now === found[name] ? [] : [{ x: now, label: `now ${figure(now)}` }])];
  return html`<${Curve} key=${JSON.stringify(found)} title=${title} unit=${unit} series=${[{ label: "word error rate", points }]} format=${rate}
    place=${(value) => `at ${figure(value)}`} marks=${marks} logarithmic=${false} narrowing=${narrowing} />`;
}

const rate = (value) => `${value.toFixed(1)} %`;
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
