/**
 * What the totals of an n-best list are made of, and what becomes of its order when weights change: the sums of the
 * service, done again here, so that a slider asks nobody. All scores are natural logs.
 *
 * @typedef {object} Hypothesis  as the service answers it
 * @property {string} text
 * @property {number | null} am_score
 * @property {number | null} [lm_score]     of the recogniser's own language model
 * @property {number} [graph_score]         of pronunciations, where a format tells them apart
 * @property {number | null} ngram_logprob
 * @property {number} neural_logprob
 * @property {number} lm_logprob
 * @property {number} words
 * @property {number} oov
 *
 * @typedef {{ utterance: string, reference?: string | null, hypotheses: Hypothesis[] }} List
 * @typedef {{ am_scale: number, lm_weight: number, word_insertion_penalty: number }} Weights
 *
 * @typedef {object} Making      how lists were scored
 * @property {boolean} isLattice  graph scores weigh 1 there, in lists as much as the language model
 * @property {number} oovCharge   in `neural_logprob` for each unknown word
 *
 * @typedef {"acoustic" | "neural" | "ngram" | "oov" | "graph" | "words" | "old"} Component
 *
 * @typedef {object} Ranked
 * @property {number[]} totals
 * @property {number[]} after   ranks, from 1
 * @property {number[]} before
 */

/** @type {Record<Component, string>} What components are called. */
export const COMPONENTS = {
  acoustic: "acoustic score",
  neural: "neural model",
  ngram: "n-gram model",
  oov: "unknown words",
  graph: "pronunciations",
  words: "word penalty",
  old: "the recogniser’s own model, now gone",
};

/** @returns {number} As the service adds it up. */
export function total(hypothesis, weights, making) {
  return summed(hypothesis, hypothesis.lm_logprob, weights, making);
}

/** The same with the recogniser's own language model in the place of ours. */
function totalBefore(hypothesis, weights, making) {
  return summed(hypothesis, hypothesis.lm_score ?? 0, weights, making);
}

// The order of the operations is the service's: the sums are equal to the last bit.
function summed(hypothesis, language, weights, { isLattice }) {
  const acoustic = weights.am_scale * (hypothesis.am_score ?? 0);
  const graph = hypothesis.graph_score ?? 0;
  const words = weights.word_insertion_penalty * hypothesis.words;
  if (isLattice) return acoustic + graph + weights.lm_weight * language + words;
  return acoustic + weights.lm_weight * (language + graph) + words;
}

/** @returns {Ranked} */
export function ranked(list, weights, making) {
  const hasScores = scored(list);
  const totals = list.hypotheses.map((each) => total(each, weights, making));
  const before = list.hypotheses.map((each) => (hasScores ? totalBefore(each, weights, making) : 0));
  return { totals, after: ranksBy(totals), before: ranksBy(before) };
}

/** Ranks from 1, the largest first; equals keep their order. */
export function ranksBy(totals) {
  const ranks = [];
  order(totals).forEach((place, rank) => {
    ranks[place] = rank + 1;
  });
  return ranks;
}

/** Places, that of the largest first. */
export function order(totals) {
  return totals.map((_, place) => place).sort((a, b) => totals[b] - totals[a] || a - b);
}

const scored = (list) => list.hypotheses.some((each) => each.am_score !== null || (each.lm_score ?? null) !== null);

/** @returns {Record<Component, number>} The weighted parts of a total; those that a list lacks are 0. */
export function components(hypothesis, weights, { isLattice, oovCharge }) {
  const charge = oovCharge * hypothesis.oov;
  return {
    acoustic: weights.am_scale * (hypothesis.am_score ?? 0),
    neural: weights.lm_weight * (hypothesis.neural_logprob - charge),
    ngram: hypothesis.ngram_logprob === null ? 0 : weights.lm_weight * (hypothesis.lm_logprob - hypothesis.neural_logprob),
    oov: weights.lm_weight * charge,
    graph: (isLattice ? 1 : weights.lm_weight) * (hypothesis.graph_score ?? 0),
    words: weights.word_insertion_penalty * hypothesis.words,
    old: 0,
  };
}

/**
 * Which component moved a hypothesis: of those that changed since the order before, the one that did most against the
 * hypotheses which it overtook, or which overtook it.
 * @returns {Component | null} null where it did not move
 */
export function movedBy(list, place, ranks, weights, making) {
  const { before, after } = ranks;
  const up = before[place] - after[place];
  if (up === 0) return null;
  const own = changes(list, place, weights, making);
  /** @type {Record<string, number>} */
  const gained = {};
  list.hypotheses.forEach((_, other) => {
    const overtaken = before[other] < before[place] !== after[other] < after[place] && other !== place;
    if (!overtaken) return;
    const theirs = changes(list, other, weights, making);
    const sign = after[place] < after[other] ? 1 : -1;
    for (const name of Object.keys(own)) gained[name] = (gained[name] ?? 0) + sign * (own[name] - theirs[name]);
  });
  const [most] = Object.entries(gained).sort(([, a], [, b]) => b - a);
  return /** @type {Component} */ (most[0]);
}

/** What the order before did not know of. */
function changes(list, place, weights, making) {
  const hypothesis = list.hypotheses[place];
  const { neural, ngram, oov, ...rest } = components(hypothesis, weights, making);
  if (!scored(list)) return { neural, ngram, oov, ...rest };
  return { neural, ngram, oov, old: -weights.lm_weight * (hypothesis.lm_score ?? 0) };
}

/** @returns {string[]} The words of a text, as errors are counted. */
export const wordsOf = (text) => text.split(/\s+/).filter(Boolean);

/**
 * Words of one text beside those of another, with the fewest insertions, deletions and substitutions.
 * @param {string[]} words
 * @param {string[]} others
 * @returns {{ errors: number, same: boolean[] }} and for each of `words` whether the other has it, too
 */
export function compared(words, others) {
  const across = others.length + 1;
  const cost = new Uint32Array((words.length + 1) * across);
  for (let column = 1; column < across; column += 1) cost[column] = column;
  for (let row = 1; row <= words.length; row += 1) {
    cost[row * across] = row;
    for (let column = 1; column < across; column += 1) {
      const at = row * across + column;
      const replaced = cost[at - across - 1] + (words[row - 1] === others[column - 1] ? 0 : 1);
      cost[at] = Math.min(replaced, cost[at - 1] + 1, cost[at - across] + 1);
    }
  }
  const same = new Array(words.length).fill(false);
  let [row, column] = [words.length, others.length];
  while (row > 0 && column > 0) {
    const at = row * across + column;
    const isSame = words[row - 1] === others[column - 1];
    if (cost[at] === cost[at - across - 1] + (isSame ? 0 : 1)) {
      same[row - 1] = isSame;
      row -= 1;
      column -= 1;
    } else if (cost[at] === cost[at - across] + 1) row -= 1;
    else column -= 1;
  }
  return { errors: cost[cost.length - 1], same };
}

/**
 * @typedef {object} Judged     a list whose reference is known
 * @property {List} list
 * @property {number[]} errors  of each hypothesis
 * @property {number} words     of the reference
 */

/** @returns {Judged[]} */
export function judged(lists) {
  return lists.filter((list) => typeof list.reference === "string").map((list) => {
    const reference = wordsOf(list.reference);
    /** @type {Map<string, number>} */
    const known = new Map();
    const errors = list.hypotheses.map(({ text }) => {
      if (!known.has(text)) known.set(text, compared(wordsOf(text), reference).errors);
      return known.get(text);
    });
    return { list, errors, words: reference.length };
  });
}

/** @returns {number} Word errors in percent, of the hypotheses that weights choose. */
export function wordErrorRate(sets, weights, making) {
  let errors = 0;
  let words = 0;
  for (const { list, errors: ofEach, words: ofList } of sets) {
    let best = 0;
    let most = -Infinity;
    list.hypotheses.forEach((each, place) => {
      const its = total(each, weights, making);
      if (its > most) [best, most] = [place, its];
    });
    errors += ofEach[best];
    words += ofList;
  }
  return words ? (100 * errors) / words : 0;
}

/**
 * @param {boolean} narrowing  more values near 0 than far from it
 * @returns {[number, number][]} Word error rates over a weight, the others fixed.
 */
export function errorsOver(sets, name, [low, high], weights, making, narrowing = false, steps = 200) {
  const [ahead, back] = narrowing ? [Math.asinh, Math.sinh] : [Number, Number];
  return Array.from({ length: steps + 1 }, (_, step) => {
    const value = back(ahead(low) + ((ahead(high) - ahead(low)) * step) / steps);
    return [value, wordErrorRate(sets, { ...weights, [name]: value }, making)];
  });
}
