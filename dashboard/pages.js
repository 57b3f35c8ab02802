/**
 * THE LIST of pages: a page is one file that exports a component `Page({ path, query })`, and one line here. `path` is
 * what follows the page's own part of the address. A file may also export `stylesheet`, the name of a file of its own,
 * which holds while the page is seen.
 *
 * @typedef {object} Entry
 * @property {string} path   first part of the address: `#/jobs`
 * @property {string} title  what the navigation calls it
 * @property {() => Promise<{ Page: Function, stylesheet?: string }>} load
 */

/** @type {Entry[]} */
export const PAGES = [
  { path: "", title: "Overview", load: () => import("./overview_page.js") },
  { path: "jobs", title: "Jobs", load: () => import("./jobs_page.js") },
  { path: "experiments", title: "Experiments", load: () => import("./experiments_page.js") },
  { path: "words", title: "Word in context", load: () => import("./words_page.js") },
  { path: "embeddings", title: "Embeddings", load: () => import("./embeddings_page.js") },
  { path: "domains", title: "Domains", load: () => import("./domains_page.js") },
  { path: "rescoring", title: "Rescoring", load: () => import("./rescoring_page.js") },
];
