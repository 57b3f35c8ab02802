/** "Why not …?": where other words stood at a place, under every model, on a logarithmic scale. */
import { ask, connection } from "./api.js";
import { count } from "./figures.js";
import { html, useEffect, useId, useState } from "./html.js";
import { nameOf } from "./models_asked.js";
import { HURRICANE, before, placesOf } from "./passage.js";
import { share, shown } from "./word_card.js";

const LAST_WORDS = 6;

/** @param {{ at: import("./passage.js").Place, isNext: boolean }} props  the place, by the tokens of the model that colours */
export function WhyNot({ question, at, isNext, scores, cards, onWords }) {
  const { text, models, words } = question;
  const actual = isNext ? [] : [at.isEnd ? "</s>" : text.slice(at.start, at.end)];
  const ranks = useRanks(text, at, models, scores, [...new Set([...actual, ...words])]);
  const said = text.slice(0, at.start).split(/\s+/).filter(Boolean).slice(-LAST_WORDS).join(" ");
  return html`<section class="why-not" aria-label="Why not?">
    <h3>Why not …?</h3>
    <p class="context"><span class="quiet">${said.length < at.start ? "… " : ""}${said}</span> <span class="gap">${isNext || at.isEnd ? "___" : at.token}</span></p>
    <${Asking} key=${at.key} onAsk=${(asked) => onWords([...words.filter((each) => !asked.includes(each)), ...asked])} />
    ${ranks.map((rank) => html`<${Ranked} key=${rank.word} rank=${rank} cards=${cards} isActual=${actual.includes(rank.word)}
      ofPaper=${text === HURRICANE.text && isNext && rank.word === HURRICANE.word}
      onRemove=${() => onWords(words.filter((each) => each !== rank.word))} />`)}
  </section>`;
}

function Asking({ onAsk }) {
  const [word, setWord] = useState("");
  const id = useId();
  const send = (event) => {
    event.preventDefault();
    if (!word.trim()) return;
    onAsk(wordsIn(word));
    setWord("");
  };
  return html`<form class="line" onSubmit=${send}><label for=${id} class="unseen">Another word for this place</label>
    <input type="text" id=${id} maxlength="100" placeholder="another word" autocomplete="off" value=${word} onInput=${(event) => setWord(event.currentTarget.value)} />
    <button>Ask</button></form>`;
}

/** Words as people list them: apart by blanks or commas. A comma alone is asked for itself, and one between digits belongs to them. */
function wordsIn(written) {
  const words = written.split(/(?:,(?!(?<=\d,)\d)|\s)+/).filter(Boolean);
  return words.length ? [...new Set(words)] : [written.trim()];
}

/**
 * Each word's ranks at the place. A sentence begins there for one model and goes on for another whose pipeline cuts
 * differently, so they are asked apart; and each alone where they read the word differently.
 * @returns {{ word: string, models: { model: string, rank?: any, size?: number, failure?: Error }[] | null }[]}
 */
function useRanks(text, at, models, scores, words) {
  const [found, setFound] = useState({ asked: "", ranks: new Map() });
  const [turn, setTurn] = useState(0);
  const contexts = models.flatMap((model) => {
    const answer = scores.of(model)?.value;
    return answer ? [{ model, ...before(text, placesOf(text, answer), at) }] : [];
  });
  const asked = JSON.stringify([contexts, words]);
  useEffect(() => {
    const ending = new AbortController();
    for (const word of words) {
      rankedBy(contexts, word, ending.signal).then((ranks) => {
        if (ending.signal.aborted) return;
        setFound((known) => ({ asked, ranks: new Map(known.asked === asked ? known.ranks : []).set(word, ranks) }));
      }, () => {});
    }
    return () => ending.abort();
  }, [asked, turn]);
  useEffect(() => connection.whenBack(() => setTurn((before) => before + 1)), []);
  return words.map((word) => ({ word, models: (found.asked === asked && found.ranks.get(word)) || null }));
}

async function rankedBy(contexts, word, signal) {
  const groups = [true, false].map((complete) => contexts.filter((each) => each.complete === complete)).filter((group) => group.length);
  const answers = (await Promise.all(groups.map((group) => rankedByGroup(group, word, signal)))).flat();
  return contexts.map(({ model }) => answers.find((answer) => answer.model === model));
}

async function rankedByGroup(group, word, signal) {
  const [{ context, complete }] = group;
  try {
    const body = { models: group.map(({ model }) => model), context, complete, words: [word] };
    const { models } = await ask("v1/rank", { method: "POST", body, signal, labels: { "words.0": "Word", context: "Passage" } });
    return models.map((answer, number) => ({ model: group[number].model, rank: answer.ranks[0], size: answer.vocabulary_size }));
  } catch (failure) {
    if (failure.name === "AbortError") throw failure;
    if (failure.status !== 422 || group.length === 1) return group.map(({ model }) => ({ model, failure }));
    return (await Promise.all(group.map((one) => rankedByGroup([one], word, signal)))).flat();
  }
}

function Ranked({ rank: { word, models }, cards, isActual, ofPaper, onRemove }) {
  const most = Math.max(10, ...(models ?? []).map((each) => each.size ?? 0), ofPaper ? HURRICANE.paper.of : 0);
  const hasRank = ofPaper || models?.some((each) => each.rank?.in_vocabulary);
  return html`<div class="ranked">
    <div class="line asked"><h4>${shown(word)}</h4><span class="quiet">${isActual ? "stands there" : ""}</span>
      ${!isActual && html`<button type="button" class="remove end" aria-label=${`No longer ask for ${word}`} onClick=${onRemove}>×</button>`}</div>
    ${!models && html`<p class="waiting" aria-busy="true">Asking the models …</p>`}
    ${models && html`${hasRank && html`<${Axis} most=${most} />`}
      <ul class="plain" aria-label=${`Ranks of ${word}`}>${saidOnce(models).map(({ names, ...answer }) => html`<${Bar} key=${names[0]} answer=${answer} most=${most}
        name=${names.map((model) => nameOf(model, cards)).join(", ")} />`)}
        ${ofPaper && html`<li class="of-paper"><${Line} name="the paper’s baseline" rank=${HURRICANE.paper.rank} of=${HURRICANE.paper.of} most=${most} /></li>`}</ul>
      ${ofPaper && html`<p class="hint">The paper’s figure is of its own passage, among ${count(HURRICANE.paper.of)} words; ours has its situation in other words.</p>`}`}
  </div>`;
}

/** The models' answers, what is wrong alike for several only at the first of them: each with the models that it is of. */
function saidOnce(models) {
  const said = [];
  for (const answer of models) {
    const same = answer.failure && said.find((each) => each.failure?.message === answer.failure.message);
    if (same) same.names.push(answer.model);
    else said.push({ ...answer, names: [answer.model] });
  }
  return said;
}

function Bar({ answer: { rank, size, failure }, most, name }) {
  if (failure?.isAway) return null; // the banner says it
  if (failure) return html`<li>${name} <p class="reason">${failure.message}</p></li>`;
  if (!rank.in_vocabulary) return html`<li class="line"><span>${name}</span><span class="quiet end">not in its vocabulary</span></li>`;
  return html`<li><${Line} name=${name} rank=${rank.rank} of=${size} probability=${rank.probability} most=${most} /></li>`;
}

function Line({ name, rank, of, probability, most }) {
  return html`<div class="line"><span>${name}</span>
      <span class="end"><span class="unseen">rank </span><strong>${count(rank)}</strong> <span class="quiet">of ${count(of)}</span>${probability !== undefined && html` <span class="quiet probability">${share(probability)}</span>`}</span></div>
    <${LogBar} rank=${rank} most=${most} />`;
}

const along = (rank, most) => `${(100 * Math.log(rank)) / Math.log(most)}%`;

/** Long where the word was far from being expected. */
function LogBar({ rank, most }) {
  return html`<span class="log-bar"><span class="reaches" style=${{ width: along(rank, most) }}></span></span>`;
}

function Axis({ most }) {
  const decades = Array.from({ length: Math.floor(Math.log10(most)) + 1 }, (_, power) => 10 ** power);
  return html`<div class="decades quiet" aria-hidden="true">${decades.map((rank) => html`<span key=${rank} style=${{ left: along(rank, most) }}>${count(rank)}</span>`)}</div>`;
}
