/** Doing something to a thing of the API: one at a time, and what goes wrong is told. */
import { useState } from "./html.js";

/**
 * @returns {{ failure: import("./api.js").Failure | undefined, isBusy: boolean,
 *   act: (request: () => Promise<unknown>, then: () => unknown) => Promise<void> }}  `then` once the request has succeeded
 */
export function useAction() {
  const [failure, setFailure] = useState(undefined);
  const [isBusy, setBusy] = useState(false);
  const act = async (request, then) => {
    setBusy(true);
    setFailure(undefined);
    try {
      await request();
      await then();
    } catch (failed) {
      setFailure(failed);
    }
    setBusy(false);
  };
  return { failure, isBusy, act };
}
