/** What is rescored, by what: lists pasted or dropped, a model, and options that the service needs to know. */
import { announce } from "./announcing.js";
import { Failure, sendFile, v1 } from "./api.js";
import { bytes } from "./figures.js";
import { html, useId, useRef, useState } from "./html.js";
import { FORMATS, LATTICES, formatOf, unpacked, utteranceOf } from "./n_best_formats.js";
import { called } from "./names.js";
import { Problem } from "./notices.js";
import { EXAMPLE } from "./rescoring_example.js";

const FOUND_BY_ITSELF = "";
const ONE_A_LINE = "lines";
const WARNING = "Hindcast-Warning";
const WEIGHTS = { am_scale: 1, lm_weight: 1, word_insertion_penalty: 0 };

/**
 * @typedef {object} Options  that scores depend on, beside the weights
 * @property {string} ngram
 * @property {string} neural_weight
 * @property {string} interpolation
 * @property {string} oov_penalty
 * @property {string} case
 * @property {string} context
 */

/** What the form calls them, by the names that the service gives them in a query. */
export const LABELS = {
  format: "Format",
  ngram: "Join an n-gram model",
  neural_weight: "Share of the neural model",
  interpolation: "Joined",
  oov_penalty: "Added for each unknown word",
  case: "Case",
  context: "What was said before",
};

/** @type {Options} */
const NO_OPTIONS = { ngram: "", neural_weight: "0.5", interpolation: "linear", oov_penalty: "", case: "as_is", context: "" };

export function ListsForm({ models, ngrams, first, onResult }) {
  const id = useId();
  const [model, setModel] = useState(first);
  const [pasted, setPasted] = useState("");
  const [file, setFile] = useState(null);
  const [format, setFormat] = useState(FOUND_BY_ITSELF);
  const [options, setOptions] = useState(NO_OPTIONS);
  const [failure, setFailure] = useState(undefined);
  const [isBusy, setBusy] = useState(false);
  const sent = useRef(0);
  const set = (name) => (event) => setOptions({ ...options, [name]: event.currentTarget.value });

  const rescore = async (text, dropped) => {
    setBusy(true);
    setFailure(undefined);
    try {
      const given = await contentOf(text, dropped, format);
      const { lines, headers } = await sendFile(`${v1("models", model, "rescore")}?${queryOf(given, options)}`, given.content, LABELS);
      sent.current += 1;
      onResult({
        number: sent.current,
        model,
        lists: lines,
        options,
        weights: WEIGHTS,
        making: { isLattice: LATTICES.includes(given.format), oovCharge: Number(options.oov_penalty) || 0 },
        warning: headers.get(WARNING),
      });
      announce(`${lines.length} list${lines.length === 1 ? "" : "s"} rescored`);
    } catch (failed) {
      if (!(failed instanceof Failure)) throw failed;
      setFailure(failed);
      if (!failed.isAway) onResult(null); // what stands below is of other lists than those that were refused
    } finally {
      setBusy(false);
    }
  };
  const take = (chosen) => {
    if (!chosen) return;
    setFile(chosen);
    rescore("", chosen);
  };
  const example = () => {
    setFile(null);
    setPasted(EXAMPLE);
    setFormat(FOUND_BY_ITSELF);
    rescore(EXAMPLE, null);
  };
  return html`<form class="lists-form" aria-label="Lists to rescore" onSubmit=${(event) => (event.preventDefault(), rescore(pasted, file))}>
    <div class="filters">
      <span class="filter"><label for=${`${id}-model`}>Model</label>
        <select id=${`${id}-model`} value=${model} onChange=${(event) => setModel(event.currentTarget.value)}>
          ${models.map((one) => html`<option key=${one.id} value=${one.id}>${called(one)}</option>`)}</select></span>
      <span class="filter"><label for=${`${id}-format`}>${LABELS.format}</label>
        <select id=${`${id}-format`} value=${format} onChange=${(event) => setFormat(event.currentTarget.value)}>
          <option value=${FOUND_BY_ITSELF}>found by itself</option>
          ${Object.entries(FORMATS).map(([name, title]) => html`<option key=${name} value=${name}>${title}</option>`)}
          <option value=${ONE_A_LINE}>Text, a hypothesis a line</option></select></span>
    </div>
    <${DropPlace} id=${`${id}-lists`} pasted=${pasted} file=${file} onPaste=${setPasted} onFile=${take} onForget=${() => setFile(null)} />
    <details class="more"><summary>Options of scoring</summary>
      <div class="side-by-side">
        ${ngrams.length > 0 && html`
          <${Option} label=${LABELS.ngram}><select id="option-ngram" value=${options.ngram} onChange=${set("ngram")}>
            <option value="">none</option>${ngrams.map((one) => html`<option key=${one.id} value=${one.id}>${one.name ?? one.id}</option>`)}</select><//>
          ${options.ngram && html`<${Option} label=${LABELS.neural_weight}><input id="option-share" type="number" min="0" max="1" step="0.05" value=${options.neural_weight} onInput=${set("neural_weight")} /><//>
            <${Option} label=${LABELS.interpolation}><select value=${options.interpolation} onChange=${set("interpolation")}><option value="linear">in probabilities</option><option value="log_linear">in logs</option></select><//>`}`}
        <${Option} label=${LABELS.oov_penalty}><input type="number" step="any" placeholder="0" value=${options.oov_penalty} onInput=${set("oov_penalty")} /><//>
        <${Option} label=${LABELS.case}><select value=${options.case} onChange=${set("case")}><option value="as_is">as it is</option><option value="lower">lower</option><option value="upper">upper</option></select><//>
        <${Option} label=${LABELS.context}><input type="text" value=${options.context} onInput=${set("context")} /><//>
      </div>
    </details>
    <div class="send-line"><button type="submit" class="primary" disabled=${isBusy}>${isBusy ? "Rescoring …" : "Rescore"}</button>
      <button type="button" disabled=${isBusy} onClick=${example}>Try the example</button></div>
    <${Problem} failure=${failure} />
  </form>`;
}

function Option({ label, children }) {
  return html`<label class="option"><span class="quiet">${label}</span>${children}</label>`;
}

/** Where lists are pasted, or a file is dropped or chosen. */
function DropPlace({ id, pasted, file, onPaste, onFile, onForget }) {
  const [isOver, setOver] = useState(false);
  const chooser = useRef(null);
  const over = (is) => (event) => {
    event.preventDefault();
    setOver(is);
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    onFile(event.dataTransfer.files[0]);
  };
  return html`<div class=${isOver ? "drop-place over" : "drop-place"} onDragOver=${over(true)} onDragLeave=${over(false)} onDrop=${drop}>
    <div class="drop-head"><label for=${id}>N-best lists</label>
      <span class="quiet">Paste them, drop a file here, or <button type="button" class="link" onClick=${() => chooser.current.click()}>choose one</button></span></div>
    <input ref=${chooser} type="file" hidden onChange=${(event) => (onFile(event.currentTarget.files[0]), (event.currentTarget.value = ""))} />
    ${file
      ? html`<p class="given-file"><span class="name">${file.name}</span> <span class="quiet">${bytes(file.size)}</span>
          <button type="button" class="link" onClick=${onForget}>Forget it</button></p>`
      : html`<textarea id=${id} rows="7" spellcheck=${false} autocapitalize="off" value=${pasted} onInput=${(event) => onPaste(event.currentTarget.value)}
          placeholder='{"utterance": "call-7", "hypotheses": [{"text": "the storm hit the coast", "am_score": -210.6}, …], "reference": "…"}'></textarea>`}
  </div>`;
}

/** @returns {Promise<{ content: Blob, format: string, utterance: string | null }>} What is sent. Failure where it can't be told what it is. */
async function contentOf(text, file, chosen) {
  if (!file && !text.trim()) throw new Failure("There is nothing to rescore yet: paste lists, or drop a file.");
  if (!file && chosen === ONE_A_LINE) return { content: new Blob([ofLines(text)]), format: "jsonl", utterance: null };
  const content = file ? await unpacked(file) : new Blob([ofDocument(text) ?? text]);
  if (chosen === ONE_A_LINE) return { content: new Blob([ofLines(await content.text())]), format: "jsonl", utterance: null };
  const name = file?.name ?? "";
  const format = chosen || formatOf(name, new Uint8Array(await content.slice(0, HEAD_BYTES).arrayBuffer()));
  if (!format) throw new Failure("Neither name nor beginning tells which format this is: choose it above.");
  return { content, format, utterance: file ? utteranceOf(name) : format === "jsonl" ? null : PASTED };
}

const HEAD_BYTES = 1 << 20;
/** What a list is called that has no name of its own, and was in no file. */
const PASTED = "pasted";

/** What POST …/rescore takes as JSON, as lines. */
function ofDocument(text) {
  try {
    const found = JSON.parse(text);
    const lists = Array.isArray(found) ? found : found.lists;
    return Array.isArray(lists) ? lists.map((list) => JSON.stringify(list)).join("\n") : null;
  } catch {
    return null;
  }
}

function ofLines(text) {
  const hypotheses = text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => ({ text: line }));
  return JSON.stringify({ utterance: PASTED, hypotheses });
}

function queryOf({ format, utterance }, options) {
  const query = new URLSearchParams({ format, answer: "nbest", case: options.case });
  for (const [name, value] of Object.entries(WEIGHTS)) query.set(name, String(value));
  if (options.ngram) for (const name of ["ngram", "neural_weight", "interpolation"]) query.set(name, options[name]);
  for (const name of ["oov_penalty", "context"]) if (options[name]) query.set(name, options[name]);
  if (utterance) query.set("utterance", utterance);
  if (LATTICES.includes(format)) query.set("graph_scale", "1");
  return query;
}
