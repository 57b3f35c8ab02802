/** What models say of a passage: each is asked alone, so that one that fails leaves the others. */
import { ask, connection, v1 } from "./api.js";
import { useEffect, useState } from "./html.js";

const LIKELY_WORDS = 5;

/** @typedef {{ value?: any, failure?: import("./api.js").Failure }} Reply */

/**
 * The passage's tokens by each of the models.
 * @param {string} text  nothing is asked of an empty one
 * @param {string[]} models
 * @param {any[]} cards  of the models that are known
 * @returns {{ of: (model: string) => Reply | undefined, reload: () => void }}  undefined: it has not answered yet
 */
export function useScores(text, models, cards) {
  const scored = (model) => {
    // A vocabulary can be smaller than what one would like to see of it.
    const size = cards.find((card) => [card.id, card.name].includes(model))?.vocabulary.size ?? LIKELY_WORDS;
    return { path: `${v1("models", model)}/perplexity`, body: { texts: [text], detail: "token", top: Math.min(LIKELY_WORDS, size) }, labels: { "texts.0": "Passage" } };
  };
  return useReplies(text ? models.map((model) => [model, scored(model)]) : []);
}

/** What speaks against comparing the models: the server says it with any ranks of theirs. */
export function useWarnings(models) {
  const question = { path: "v1/rank", body: { models, context: "", words: ["</s>"] } };
  const reply = useReplies(models.length > 1 ? [["all", question]] : []).of("all");
  return { value: reply?.value?.warnings ?? [] };
}

/** Replies to questions that are posted, by a key each; they are asked again when the server comes back. */
export function useReplies(questions) {
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState({ asked: "", replies: new Map() });
  const asked = JSON.stringify(questions);
  useEffect(() => {
    const ending = new AbortController();
    setState((before) => (before.asked === asked ? before : { asked, replies: new Map() }));
    for (const [key, { path, body, labels }] of questions) {
      const keep = (reply) => {
        if (!ending.signal.aborted) setState((before) => ({ asked, replies: new Map(before.asked === asked ? before.replies : []).set(key, reply) }));
      };
      ask(path, { method: "POST", body, signal: ending.signal, labels }).then((value) => keep({ value }), (failure) => keep({ failure }));
    }
    return () => ending.abort();
  }, [asked, turn]);
  useEffect(() => connection.whenBack(() => setTurn((before) => before + 1)), []);
  return { of: (key) => (state.asked === asked ? state.replies.get(key) : undefined), reload: () => setTurn(turn + 1) };
}
