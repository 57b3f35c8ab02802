/** Word in context, at `#/words`: a passage coloured by how much each word surprises a model, and why not another. */
import { announce } from "./announcing.js";
import { useAnswer } from "./answers.js";
import { perplexity } from "./figures.js";
import { Heading } from "./headings.js";
import { html, useEffect, useId, useMemo, useRef, useState } from "./html.js";
import { ModelsAsked, nameOf } from "./models_asked.js";
import { namedFirst } from "./names.js";
import { Empty, Problem, Unanswered } from "./notices.js";
import { HURRICANE, MOST_CHARACTERS, isOpen, placeOf, placesOf, written } from "./passage.js";
import { Passage } from "./passage_view.js";
import { address, go } from "./routing.js";
import { useScores, useWarnings } from "./scores.js";
import { WhyNot } from "./why_not.js";
import { WordCard } from "./word_card.js";

export const stylesheet = "words_page.css";

const MOST_MODELS = 6;

/**
 * All that is seen stands in the address, so that it can be shared.
 *
 * @typedef {object} Question
 * @property {string} text
 * @property {string[]} models  ids or names
 * @property {string} by        the model whose surprisal colours the words
 * @property {string} at        key of the chosen place
 * @property {string[]} words   that might have stood there
 */

/** @returns {Question} */
function questionOf(query) {
  const parts = (name, separator) => (query.get(name) ?? "").split(separator).filter(Boolean);
  const models = [...new Set(parts("models", ","))].slice(0, MOST_MODELS);
  return { text: written(query.get("text") ?? ""), models, by: query.get("by") ?? "", at: query.get("at") ?? "", words: parts("words", " ") };
}

const addressOf = (question) => address(["words"], { ...question, models: question.models.join(","), words: question.words.join(" ") });

export function Page({ query }) {
  const cards = useAnswer("v1/models?limit=1000");
  const known = cards.value?.items;
  return html`
    <${Heading} title="Word in context" />
    <p class="quiet lead">How much does each word of a passage surprise a language model, and what did it expect instead?</p>
    <${Unanswered} answer=${cards} />
    ${known?.length === 0 && html`<${NoModels} />`}
    ${known?.length > 0 && html`<${Asking} question=${questionOf(query)} cards=${known} />`}`;
}

function NoModels() {
  return html`<${Empty}><h2>No model yet</h2>
    <p>Words are judged by language models, and there is none. <a href=${address(["jobs", "new"])}>Train one</a>, or see on
      the <a href=${address([])}>overview</a> how to begin.</p><//>`;
}

function Asking({ question: asked, cards }) {
  const models = asked.models.length ? asked.models : usual(cards);
  const question = { ...asked, models, by: models.includes(asked.by) ? asked.by : models[0] };
  const turn = (changes, how) => go(addressOf({ ...asked, models, ...changes }), how);
  const [wanted, setWanted] = useState(null);
  const ask = (changes) => {
    setWanted({ text: changes.text });
    turn(changes);
  };
  return html`
    <${PassageForm} key=${question.text} text=${question.text}
      onAsk=${(text) => ask({ text, at: "", words: [] })}
      onHurricane=${() => ask({ text: HURRICANE.text, at: `e${HURRICANE.text.length}`, words: [HURRICANE.word] })} />
    <${Scored} question=${question} cards=${cards} wanted=${wanted} turn=${turn} />`;
}

/** The two newest models that know the same words, those with a name before others; where no two do, the newest. */
function usual(cards) {
  const ordered = namedFirst(cards);
  const like = (card) => ordered.find((other) => other !== card && other.vocabulary.sha256 === card.vocabulary.sha256 && other.pipeline === card.pipeline);
  const named = ordered.filter((card) => card.name);
  const first = named.find(like) ?? named[0] ?? ordered.find(like) ?? ordered[0];
  return [first, like(first)].filter(Boolean).map((card) => card.id);
}

const CUT = `What you gave was cut: a passage has at most ${MOST_CHARACTERS.toLocaleString("en")} characters. Longer texts can be scored as a corpus.`;

function PassageForm({ text, onAsk, onHurricane }) {
  const [draft, setDraft] = useState(text);
  const [missing, setMissing] = useState("");
  const [isCut, setCut] = useState(false);
  const id = useId();
  /** Pasted, dropped or written: what goes beyond the limit is cut by the browser, which doesn't say so. */
  const give = (event) => {
    const given = event.data ?? event.dataTransfer?.getData("text/plain");
    if (!given) return;
    const { value, selectionStart, selectionEnd } = event.currentTarget;
    const isTooLong = value.length - (selectionEnd - selectionStart) + given.replaceAll("\r\n", "\n").length > MOST_CHARACTERS;
    setCut(isTooLong);
    if (isTooLong) announce(CUT);
  };
  const write = (event) => {
    const { value } = event.currentTarget;
    setDraft(value);
    if (value.length < MOST_CHARACTERS - 1) setCut(false); // a browser doesn't cut through a character of two units
  };
  const ask = (event) => {
    event.preventDefault();
    const passage = written(draft);
    setMissing(passage ? "" : "A passage is needed: some words, or the hurricane passage.");
    if (passage) onAsk(passage);
  };
  const keys = (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && ask(event);
  return html`<form class="passage-form" onSubmit=${ask}>
    <label for=${id}>Passage</label>
    <textarea id=${id} rows="3" maxlength=${MOST_CHARACTERS} placeholder="Type or paste some sentences" value=${draft}
      aria-invalid=${missing ? "true" : undefined} aria-describedby=${[missing && `${id}-missing`, isCut && `${id}-cut`].filter(Boolean).join(" ") || undefined}
      onBeforeInput=${give} onInput=${write} onKeyDown=${keys}></textarea>
    ${isCut && html`<p class="reason" id=${`${id}-cut`}>${CUT}</p>`}
    ${missing && html`<p class="reason" id=${`${id}-missing`}>${missing}</p>`}
    <div class="line"><button class="primary">Colour the words</button>
      <button type="button" onClick=${onHurricane}>The hurricane passage</button></div>
  </form>`;
}

function Scored({ question, cards, wanted, turn }) {
  const { text, models, by } = question;
  const scores = useScores(text, models, cards);
  const warnings = useWarnings(models);
  const answer = scores.of(by);
  const places = answer?.value ? placesOf(text, answer.value) : null;
  useEffect(() => {
    if (answer?.value) announce(`${nameOf(by, cards)}: perplexity ${perplexity(answer.value.perplexity)}`);
  }, [answer?.value, by]);
  const section = useShownOnce(wanted?.text === text && answer ? wanted : null);
  return html`
    <${ModelsAsked} models=${models} by=${by} cards=${cards} scores=${scores} warnings=${warnings.value} most=${MOST_MODELS} turn=${turn} />
    ${text && html`<section class="reading" ref=${section}>
      <h2>${isOpen(text) ? "The passage, and what comes next" : "The passage"}</h2>
      ${answer?.failure && !answer.failure.isAway && html`<${Problem} failure=${answer.failure} retry=${scores.reload} />`}
      ${!answer && html`<p class="waiting" aria-busy="true">Asking the model …</p>`}
      ${places && html`<${Read} question=${question} places=${places} scores=${scores} cards=${cards} answer=${answer.value} turn=${turn} />`}
    </section>`}`;
}

/** What was asked for is scrolled to where it lies far down, as on a phone: once for each time that it was asked for. */
function useShownOnce(wanted) {
  const section = useRef(null);
  useEffect(() => {
    if (wanted && section.current?.getBoundingClientRect().top > innerHeight / 2) section.current.scrollIntoView({ block: "start" });
  }, [wanted]);
  return section;
}

/** The coloured words, and beside them what is known of one. */
function Read({ question, places, scores, cards, answer, turn }) {
  const { text, by, at } = question;
  const [looked, setLooked] = useState("");
  const chosen = placeOf(places, at);
  const shown = placeOf(places, looked) ?? chosen;
  // Looking at a word draws its card anew, and not all words.
  const passage = useMemo(() => html`<${Passage} places=${places} name=${nameOf(by, cards)} size=${answer.vocabulary.size} at=${at}
    isOpen=${isOpen(text)} describedBy="word-card" onLook=${setLooked} onChoose=${(place) => turn({ by, at: place.key }, { replace: true })} />`,
    [places, JSON.stringify(question)]);
  const unknown = [...new Set(places.filter((place) => place.oov).map((place) => place.token))];
  return html`<div class="read">
    <div>
      ${passage}
      ${unknown.length > 0 && html`<p class="unknown-words">Unknown to this model, and scored as <code>${"<unk>"}</code>:
        ${" "}${unknown.slice(0, SHOWN_UNKNOWN).join(", ")}${unknown.length > SHOWN_UNKNOWN && ` and ${unknown.length - SHOWN_UNKNOWN} more`}.</p>`}
      ${!chosen && html`<p class="quiet">Choose a word to ask why not another stands there.</p>`}
    </div>
    <div class="beside" data-chosen=${chosen ? "" : undefined}>
      <${WordCard} id="word-card" place=${shown} size=${answer.vocabulary.size} isNext=${shown === places.at(-1) && isOpen(text)} />
      ${chosen && html`<${WhyNot} question=${question} at=${chosen} isNext=${chosen === places.at(-1) && isOpen(text)}
        scores=${scores} cards=${cards} onWords=${(words) => turn({ by, words }, { replace: true })} />`}
    </div>
  </div>`;
}

const SHOWN_UNKNOWN = 12;
