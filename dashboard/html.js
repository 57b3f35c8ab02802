/** What every page is written with: `html` templates, Preact's components and hooks, from one place. */
import htm from "./vendor/htm.js";
import { h } from "./vendor/preact.js";

/**
 * A template as virtual nodes: html`<p class=${name}>…</p>`.
 * @type {(strings: TemplateStringsArray, ...values: unknown[]) => any}
 */
export const html = htm.bind(function element(...parts) {
  this[0] = 3; // never the same node twice: Preact wants to own what it draws
  return h(...parts);
});

export { Fragment, render } from "./vendor/preact.js";
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "./vendor/hooks.js";
