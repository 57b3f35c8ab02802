/** Answers of the API as state of a component: asked for once, again every few seconds while somebody looks, or never. */
import { ask, connection } from "./api.js";
import { useCallback, useEffect, useRef, useState } from "./html.js";

/**
 * @typedef {object} Answer
 * @property {any} value           the last good answer; undefined before there is one
 * @property {import("./api.js").Failure | undefined} failure  why the newest request failed
 * @property {() => Promise<void>} reload
 */

/**
 * The answer to GET `path`. A failure leaves the last good answer in place.
 * @param {string | null} path  null: nothing is asked
 * @param {{ every?: number, labels?: import("./api.js").Labels }} [options]  `every`: milliseconds after which it is asked
 *   again while the page is visible; 0: not. `labels`: always the same
 * @returns {Answer}
 */
export function useAnswer(path, { every = 0, labels } = {}) {
  const [state, setState] = useState({ path, value: undefined, failure: undefined });
  const text = useRef("");
  const load = useCallback(async (signal) => {
    if (path === null) return;
    try {
      const value = await ask(path, { signal, labels });
      const written = JSON.stringify([path, value]);
      // What has not changed is not drawn again.
      if (written !== text.current) setState({ path, value, failure: undefined });
      else setState((before) => (before.failure ? { ...before, failure: undefined } : before));
      text.current = written;
    } catch (failure) {
      if (failure.name === "AbortError") return;
      setState((before) => ({ path, value: before.path === path ? before.value : undefined, failure }));
    }
  }, [path]);

  useEffect(() => {
    const ending = new AbortController();
    text.current = "";
    load(ending.signal);
    const stop = every ? repeat(() => load(ending.signal), every) : () => {};
    const stopWaiting = connection.whenBack(() => load(ending.signal));
    return () => {
      stopWaiting();
      stop();
      ending.abort();
    };
  }, [load, every]);

  const current = state.path === path ? state : { value: undefined, failure: undefined };
  return { value: current.value, failure: current.failure, reload: load };
}

/**
 * The answers to several questions, asked at once: each comes and fails by itself.
 * @param {{ path: string, body?: unknown, labels?: import("./api.js").Labels }[]} questions  with a `body`: POST
 * @returns {Answer[]} in their order
 */
export function useAnswers(questions) {
  const key = JSON.stringify(questions);
  const [state, setState] = useState({ key: "", known: [] });
  const load = useCallback(async (signal, only) => {
    const asked = JSON.parse(key);
    const put = (place, answer) =>
      setState((before) => {
        const known = before.key === key ? [...before.known] : [];
        known[place] = answer;
        return { key, known };
      });
    await Promise.all(asked.map(async ({ path, body, labels }, place) => {
      if (only !== undefined && place !== only) return;
      try {
        put(place, { value: await ask(path, { method: body ? "POST" : "GET", body, signal, labels }), failure: undefined });
      } catch (failure) {
        if (failure.name !== "AbortError") put(place, { value: undefined, failure });
      }
    }));
  }, [key]);
  useEffect(() => {
    const ending = new AbortController();
    load(ending.signal);
    const stopWaiting = connection.whenBack(() => load(ending.signal));
    return () => {
      stopWaiting();
      ending.abort();
    };
  }, [load]);
  const known = state.key === key ? state.known : [];
  return questions.map((_, place) => ({
    ...(known[place] ?? { value: undefined, failure: undefined }),
    reload: () => load(undefined, place),
  }));
}

/** Whether the server is away. */
export function useAway() {
  const [away, setAway] = useState(connection.away);
  useEffect(() => {
    connection.listeners.add(setAway);
    setAway(connection.away);
    return () => connection.listeners.delete(setAway);
  }, []);
  return away;
}

/**
 * Whether a failure is over: the server did not answer, and does now.
 * @param {import("./api.js").Failure | undefined} failure
 * @param {() => unknown} [then]  done once it is over
 */
export function useIsOver(failure, then) {
  const [over, setOver] = useState(undefined);
  const act = useRef(then);
  act.current = then;
  useEffect(() => {
    if (!failure?.isAway) return undefined;
    const end = () => {
      setOver(failure);
      act.current?.();
    };
    if (!connection.away) end();
    return connection.whenBack(end);
  }, [failure]);
  return failure !== undefined && over === failure;
}

/**
 * Do something again and again while the page is visible, and at once when it becomes so.
 * @param {() => Promise<void>} act
 * @param {number} milliseconds  from the end of one to the beginning of the next
 * @returns {() => void} ends it
 */
export function repeat(act, milliseconds) {
  let timer = 0;
  let ended = false;
  const next = () => {
    clearTimeout(timer);
    if (!ended && !document.hidden) timer = setTimeout(turn, milliseconds);
  };
  const turn = () => act().finally(next);
  const seen = () => (document.hidden ? clearTimeout(timer) : turn());
  document.addEventListener("visibilitychange", seen);
  next();
  return () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
  };
}
