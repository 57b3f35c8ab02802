/** How jobs are shown wherever they are: their status, how far they are, what they have reached. */
import { count, duration, figure, perplexity } from "./figures.js";
import { html } from "./html.js";
import { called, nameClass } from "./names.js";
import { address } from "./routing.js";

/** @typedef {"queued" | "running" | "succeeded" | "failed" | "cancelled"} Status */

/** @type {Status[]} */
export const STATUSES = ["queued", "running", "succeeded", "failed", "cancelled"];

export const KIND_NAMES = {
  language_model: "language model",
  word2vec: "word2vec",
  lsa: "LSA",
  bilstm_lm: "bi-LSTM language model",
  bilstm_domain: "bi-LSTM domain classifier",
  concatenation: "concatenation",
  domains: "domains",
  ingest: "corpus",
  probe: "probe",
  topical_probe: "topical probe",
  comparison: "comparison",
};

export const kindName = (kind) => KIND_NAMES[kind] ?? kind.replaceAll("_", " ");
export const hasEnded = (job) => !["queued", "running"].includes(job.status);

/** Figures that say most of a job, the best first; those of `metrics` that it has are shown. */
const HEADLINES = [
  ["test_perplexity", "test"],
  ["valid_perplexity", "valid"],
  ["train_perplexity", "train"],
];

/** The status by sign, colour and word. */
export function StatusMark({ status }) {
  return html`<span class=${`status ${status}`}>${status}</span>`;
}

/** A link to a job, by its name where it has one. */
export function JobLink({ job }) {
  return html`<a class=${nameClass(job)} href=${address(["jobs", job.id])}>${called(job)}</a>`;
}

/** How far a job is: a bar, and in words what is going on and how long it will take. */
export function Progress({ job }) {
  const { fraction, message, eta_seconds: eta } = job.progress;
  const percent = Math.round(100 * fraction);
  const told = [`${percent} %`, message, eta !== null && eta > 0 ? `${duration(eta)} to go` : ""].filter(Boolean).join(" · ");
  return html`<div class="progress">
    <progress max="100" value=${percent} aria-label=${`Progress of ${called(job)}`}>${percent} %</progress>
    <span class="quiet">${told}</span>
  </div>`;
}

/** The figure that says most of it: "test 91.6". */
export function Headline({ metrics }) {
  const found = HEADLINES.find(([name]) => typeof metrics[name] === "number");
  if (found) return html`<span class="number">${perplexity(metrics[found[0]])}</span> <span class="quiet">${found[1]}</span>`;
  if (typeof metrics.train_loss === "number") {
    return html`<span class="number">${figure(metrics.train_loss)}</span> <span class="quiet">loss</span>`;
  }
  return typeof metrics.tokens === "number" ? html`<span class="number">${count(metrics.tokens)}</span> <span class="quiet">tokens</span>` : null;
}
