/** A passage as a model reads it: where each of its tokens stands in the text, and what was there before. Pure. */

/** The paper's situation in our words: it stops where *hurricane* would come. */
export const HURRICANE = {
  text:
    "Storm warnings were issued on Thursday for the Pacific coast of Mexico, where heavy rain and high winds were expected. "
    + "Schools in three states were closed, and families near the beach were told to leave their homes. The navy kept ships "
    + "and doctors ready to help the victims of the",
  word: "hurricane",
  paper: { rank: 28_553, of: 33_279 },
};

/** Longer ones are better scored as a corpus: the address carries the passage, too. */
export const MOST_CHARACTERS = 8000;

const END = "</s>";
const WRITTEN = /[\p{L}\p{N}]/u;
const NEXT_WORD = /\S+/g;

/**
 * @typedef {object} Place           a token in the text
 * @property {string} token          as the model's pipeline wrote it
 * @property {number} bits           surprisal: -log2 of its probability, or of `<unk>`'s if `oov`
 * @property {number} rank
 * @property {boolean} oov
 * @property {{ word: string, probability: number }[]} top
 * @property {boolean} isEnd         the end of a sentence
 * @property {number} start          offset in the text; of an end, where the sentence's last word ends
 * @property {number} end
 * @property {boolean} onNewLine
 * @property {string} key            for addresses: "17", or "e17" for an end
 */

/** The text as servers read it, so that offsets mean the same. */
export const written = (text) => text.normalize("NFC").replaceAll("\ufeff", "").trim();

/** @type {WeakMap<object, Place[]>} */
const known = new WeakMap();

/**
 * The tokens of an answer about the text, each at its place in it. They are looked for once.
 * @param {string} text
 * @param {object} answer  to a question for perplexity, with `detail` token
 * @returns {Place[]}
 */
export function placesOf(text, answer) {
  if (!known.has(answer)) known.set(answer, placed(text, answer.texts[0].tokens));
  return known.get(answer);
}

function placed(text, tokens) {
  const folded = fold(text);
  let from = 0;
  return tokens.map((scored) => {
    const { token, logprob, rank, oov, top } = scored;
    const figures = { token, bits: -logprob / Math.LN2, rank, oov, top: top ?? [] };
    if (token === END) return { ...figures, isEnd: true, start: from, end: from, onNewLine: false, key: `e${from}` };
    const [start, end] = found(folded, token, from);
    const onNewLine = text.slice(from, start).includes("\n");
    from = end;
    return { ...figures, isEnd: false, start, end, onNewLine, key: String(start) };
  });
}

/** Where the token is, from an offset on. A pipeline skips blanks and punctuation, never letters: what it has changed
 * beyond recognition is taken for the next run of characters without a blank. */
function found(folded, token, from) {
  const start = folded.indexOf(fold(token), from);
  if (start >= 0 && !WRITTEN.test(folded.slice(from, start))) return [start, start + token.length];
  NEXT_WORD.lastIndex = from;
  const run = NEXT_WORD.exec(folded);
  return run ? [run.index, run.index + run[0].length] : [folded.length, folded.length];
}

/** Lower case, apostrophes straight, and every offset as it was. */
function fold(text) {
  const lower = Array.from(text, (letter) => (letter.toLowerCase().length === letter.length ? letter.toLowerCase() : letter));
  return lower.join("").replaceAll("’", "'");
}

/**
 * What a model is to be told so that it stands at a place, which another's tokens may have named.
 * @param {string} text
 * @param {Place[]} places  the model's own
 * @param {Place} at
 * @returns {{ context: string, complete: boolean }}  `complete`: a sentence begins there
 */
export function before(text, places, at) {
  if (at.isEnd) return { context: text.slice(0, at.start), complete: false };
  const here = places.findIndex((place) => !place.isEnd && place.end > at.start);
  return { context: text.slice(0, at.start), complete: Boolean(places[here - 1]?.isEnd) };
}

/** The place of that key, or nothing. */
export const placeOf = (places, key) => places.find((place) => place.key === key);

/** Whether the passage stops within a sentence, so that its last place asks what comes next. */
export const isOpen = (text) => !/[.!?…]["'”’)\]]*$/.test(text);
