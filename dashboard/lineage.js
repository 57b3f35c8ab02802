/** What a job was made from: corpora, domains, tables and models in its specification, and what those were made from. */
import { ask, v1 } from "./api.js";
import { html, useEffect, useState } from "./html.js";
import { kindName } from "./job_parts.js";
import { called } from "./names.js";
import { address } from "./routing.js";

const DEEPEST = 4;
const TYPES = { cor_: ["corpora", "corpus"], dom_: ["domains", "domains"], tab_: ["tables", "table"], lm_: ["models", "model"] };
const ROLES = {
  train: "learns",
  valid: "validated on",
  test: "tested on",
  corpus: "reads",
  input: "input vectors",
  tables: "part",
  domains: "classes from",
  init_from: "goes on from",
  vocabulary: "vocabulary of",
  auxiliary: "second task",
};

/**
 * @typedef {object} Reference
 * @property {string} id
 * @property {string[]} roles  in words
 *
 * @typedef {object} Ancestor
 * @property {string} id
 * @property {string[]} roles
 * @property {string} noun
 * @property {string} name
 * @property {string | null} job   that made it
 * @property {string} made         how: the kind of that job
 * @property {boolean} gone
 * @property {Ancestor[]} from
 */

/** @returns {Reference[]} The resources that a specification names, each once. */
export function referencesOf(spec) {
  /** @type {Map<string, Set<string>>} */
  const found = new Map();
  const walk = (node, role) => {
    if (typeof node === "string" && typeOf(node)) {
      if (!found.has(node)) found.set(node, new Set());
      found.get(node).add(role);
    } else if (node && typeof node === "object") {
      for (const value of Object.values(node)) walk(value, role);
    }
  };
  for (const [field, value] of Object.entries(spec)) walk(value, ROLES[field] ?? field);
  const order = Object.values(ROLES);
  return [...found].map(([id, roles]) => ({ id, roles: [...roles].sort((a, b) => order.indexOf(a) - order.indexOf(b)) }));
}

function typeOf(id) {
  return TYPES[Object.keys(TYPES).find((prefix) => id.startsWith(prefix)) ?? ""];
}

/** The ancestors of what a specification makes. */
async function ancestors(spec, signal, depth = 0) {
  return Promise.all(referencesOf(spec).map((reference) => ancestor(reference, signal, depth)));
}

async function ancestor({ id, roles }, signal, depth) {
  const [collection, noun] = typeOf(id);
  const unknown = { id, roles, noun, name: id, job: null, made: "", gone: false, from: [] };
  try {
    const card = await ask(v1(collection, id), { signal });
    const known = { ...unknown, name: called(card), job: card.job };
    if (!card.job || collection === "corpora" || depth >= DEEPEST) return known;
    const job = await ask(v1("jobs", card.job), { signal });
    return { ...known, made: job.kind === noun ? "" : kindName(job.kind), from: await ancestors(job.spec, signal, depth + 1) };
  } catch (failure) {
    if (failure.name === "AbortError") throw failure;
    return { ...unknown, gone: failure.status === 404 };
  }
}

/** Where a job's result comes from, as a tree. */
export function Lineage({ job }) {
  const [found, setFound] = useState(null);
  useEffect(() => {
    const ending = new AbortController();
    ancestors(job.spec, ending.signal).then(setFound, () => {});
    return () => ending.abort();
  }, [job.id]);
  if (!found?.length) return null;
  return html`<section><h2>Made from</h2><${Branch} ancestors=${found} /></section>`;
}

function Branch({ ancestors }) {
  return html`<ul class="lineage">
    ${ancestors.map((one) => html`<li key=${one.id}>
      <span class="quiet">${one.roles.join(", ")}</span>${" "}
      ${one.noun} ${one.job && !one.gone
        ? html`<a class="name" href=${address(["jobs", one.job])}>${one.name}</a>`
        : html`<span class="name">${one.name}</span>`}
      ${one.made && html`<span class="quiet"> by ${one.made}</span>`}${one.gone && html`<span class="quiet"> (deleted)</span>`}
      ${one.from.length > 0 && html`<${Branch} ancestors=${one.from} />`}
    </li>`)}
  </ul>`;
}
