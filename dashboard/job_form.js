/** The form that posts a job, made from what `/openapi.json` says of `POST /v1/jobs`. */
import { useAnswer, useIsOver } from "./answers.js";
import { ROOT, ask, v1 } from "./api.js";
import { count } from "./figures.js";
import { Heading } from "./headings.js";
import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { kindName } from "./job_parts.js";
import { SchemaDocument, fieldsOf, placed, pruned, wordsOf } from "./json_schema.js";
import { Problem, Unanswered } from "./notices.js";
import { address, go } from "./routing.js";
import { Field, Hint, idOf } from "./schema_fields.js";

/** Not required, but what most people come for. */
const PROMINENT = ["name", "valid", "test", "input", "k", "domains"];
const USUAL_KIND = "language_model";
const EVERYTHING = "limit=1000";

/** @param {{ query: URLSearchParams }} props  `kind`; `from`: a job whose specification it begins with */
export function JobForm({ query }) {
  const document = useAnswer("openapi.json");
  const from = query.get("from");
  const model = useAnswer(from ? v1("jobs", from) : null);
  const isReady = document.value && (!from || model.value);
  return html`
    <${Heading} title="Post a job" />
    <${Unanswered} answer=${document} />
    ${from && document.value && html`<${Unanswered} answer=${model} />`}
    ${isReady && html`<${Form} document=${document.value} like=${model.value} kind=${query.get("kind")} />`}`;
}

function Form({ document, like, kind: wanted }) {
  const schemas = useMemo(() => new SchemaDocument(document), [document]);
  const kinds = useMemo(() => schemas.jobs(), [schemas]);
  const [kind, setKind] = useState(() => [like?.kind, wanted, USUAL_KIND].find((name) => kinds.has(name)) ?? [...kinds.keys()][0]);
  const schema = kinds.get(kind);
  const [values, setValues] = useState(() => (like && kinds.has(like.kind) ? unusual(like.spec, kinds.get(like.kind)) : {}));
  const [failure, setFailure] = useState(undefined);
  const [isBusy, setBusy] = useState(false);
  const choices = useChoices();
  const problems = problemsByField(failure?.fields ?? []);
  const set = (path, value) => {
    setValues((before) => placed(before, path, value));
    setFailure((before) => before && { ...before, message: before.message, fields: before.fields.filter(({ field }) => field !== path.join(".")) });
  };
  const form = { schemas, values, set, choices, problem: (path) => problems.get(path) };
  const body = { kind, ...pruned(values) };
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setFailure(undefined);
    try {
      const job = await ask("v1/jobs", { method: "POST", body });
      go(address(["jobs", job.id]));
    } catch (failed) {
      setFailure(failed);
    }
    setBusy(false);
  };
  const fields = fieldsOf(schema);
  const isFirst = ([name]) => schema.required?.includes(name) || PROMINENT.includes(name);
  const ordered = fields.filter(isFirst).sort(([a], [b]) => place(a, schema) - place(b, schema));
  const others = fields.filter((field) => !isFirst(field));
  const hasProblemInside = others.some(([name]) => [...problems.keys()].some((path) => path.split(".")[0] === name));
  const draw = ([name, field]) => html`<${Field} key=${`${kind}.${name}`} form=${form} path=${[name]} schema=${field} required=${schema.required?.includes(name)} />`;
  return html`<form class="order" onSubmit=${submit} novalidate>
    <div class="field"><label for="field-kind">Kind</label>
      <div class="given"><select id="field-kind" value=${kind} onChange=${(event) => (setKind(event.currentTarget.value), setValues(shared(values)), setFailure(undefined))}>
        ${[...kinds.keys()].map((name) => html`<option key=${name} value=${name}>${kindName(name)}</option>`)}
      </select></div>
      ${schema.description && html`<${Hint} text=${schema.description} />`}</div>
    ${choices.corpora?.length === 0 && html`<div class="notice"><p>There is no corpus yet, and a job needs one.${" "}
      <a href=${address([])}>How to send a text</a></p></div>`}
    <${Refused} failure=${failure} fields=${fields} />
    ${ordered.map(draw)}
    ${others.length > 0 && html`<${Folded} isOpen=${hasProblemInside}>${others.map(draw)}<//>`}
    <div class="send"><button class="primary" type="submit" disabled=${isBusy}>${isBusy ? "Posting …" : "Post the job"}</button></div>
    <details class="request"><summary>The request as JSON</summary>
      <pre tabindex="0"><code>curl ${new URL("v1/jobs", ROOT).href} --json '${JSON.stringify(body, null, 2).replaceAll("'", "'\\''")}'</code></pre></details>
  </form>`;
}

/** Why the job was refused, and where: the fields lead to their places. */
function Refused({ failure, fields }) {
  const box = useRef(null);
  const isOver = useIsOver(failure);
  useEffect(() => {
    if (failure) box.current?.focus();
  }, [failure?.message]);
  if (!failure || isOver) return null;
  const known = new Set(fields.map(([name]) => name));
  return html`<div class="notice problem" role="alert" tabindex="-1" ref=${box}><div>
    <p>${failure.fields.length ? "The job was not posted. What to mend:" : failure.message}</p>
    ${failure.fields.length > 0 && html`<ul>${failure.fields.map(({ field, message }) => html`<li key=${field + message}>
      ${known.has(field.split(".")[0]) || field === "kind"
        ? html`<button type="button" class="link" onClick=${() => show(field)}>${told(field)}</button>`
        : html`<strong>${told(field)}</strong>`} ${message}</li>`)}</ul>`}
  </div></div>`;
}

/** "optimizer.epochs" → "Optimizer, epochs"; "tables.0" → "Tables 1", as the form has it. */
const told = (field) => wordsOf(placeOf(field).replace(/\.(\d+)/g, (_, number) => ` ${Number(number) + 1}`).replaceAll(".", ", "));

/** Go to a field, or to the group that it is in. */
function show(field) {
  const parts = field.split(".");
  while (parts.length) {
    const found = document.getElementById(idOf(parts));
    if (found) {
      found.closest("details")?.setAttribute("open", "");
      found.focus();
      found.scrollIntoView({ block: "center" });
      return;
    }
    parts.pop();
  }
}

function Folded({ isOpen, children }) {
  const box = useRef(null);
  useEffect(() => {
    if (isOpen && box.current) box.current.open = true;
  }, [isOpen]);
  return html`<details class="more" ref=${box}><summary>More settings, each with its default</summary>${children}</details>`;
}

/** What can be chosen, by collection. A list that could not be had leaves its field to be written. */
function useChoices() {
  const corpora = useAnswer(`v1/corpora?${EVERYTHING}`).value?.items;
  const tables = useAnswer(`v1/tables?${EVERYTHING}`).value?.items;
  const models = useAnswer(`v1/models?${EVERYTHING}`).value?.items;
  const domains = useAnswer(`v1/domains?${EVERYTHING}`).value?.items;
  return useMemo(() => {
    const tablesTold = tables?.map((one) => ({ ...one, told: `${count(one.words)} × ${count(one.size)}` }));
    const modelsTold = models?.map((one) => ({ ...one, told: `${count(one.vocabulary.size)} words` }));
    return {
      corpora: corpora?.filter((one) => one.status !== "failed"),
      tables: tablesTold,
      models: modelsTold,
      domains: [...(domains ?? []).map((one) => ({ ...one, told: `${one.k} domains` })), { id: "gold", name: "gold", told: "the corpus's own labels" }],
      vocabularies: [...(modelsTold ?? []), ...(tablesTold ?? [])],
    };
  }, [corpora, tables, models, domains]);
}

/** Where a field stands in the form: what names a part of a corpus reference, at its corpus. */
const placeOf = (field) => field.replace(/\.(corpora|corpus)(\.0)?$/, ".corpus");

/** Problems by the path of their field. */
function problemsByField(fields) {
  const found = new Map();
  for (const { field, message } of fields) {
    const path = placeOf(field);
    found.set(path, found.has(path) ? `${found.get(path)} ${message}` : message);
  }
  return found;
}

/** Texts that other kinds read too stay when the kind is changed. */
function shared({ name, corpus, train, vocabulary, seed }) {
  return { name, corpus: corpus ?? train, train: train ?? corpus, vocabulary, seed };
}

/** Of a specification what isn't the default anyway. */
function unusual(spec, schema) {
  return Object.fromEntries(Object.entries(spec).filter(([name, value]) => {
    const usual = schema.properties[name]?.default ?? null;
    return name in schema.properties && JSON.stringify(value) !== JSON.stringify(usual);
  }));
}

function place(name, schema) {
  if (name === "name") return -1;
  return schema.required?.includes(name) ? 0 : 1 + PROMINENT.indexOf(name);
}
