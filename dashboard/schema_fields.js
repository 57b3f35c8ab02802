/** Fields of a form, made from the JSON schema of what is posted. A field that is left alone is not sent: the server's
 * default stands, and is told beside it. */
import { html, useId } from "./html.js";
import { defaultWords, fieldsOf, limits, wordsOf } from "./json_schema.js";

/**
 * What all fields of one form share.
 * @typedef {object} FormState
 * @property {import("./json_schema.js").SchemaDocument} schemas
 * @property {any} values
 * @property {(path: string[], value: unknown) => void} set
 * @property {(path: string) => string | undefined} problem  what is wrong with the field
 * @property {Record<string, any[]>} choices  resources by collection
 */

/** Fields that name a resource, with the collection that it is chosen from. */
const RESOURCES = { table: "tables", tables: "tables", domains: "domains", init_from: "models", same_as: "vocabularies" };

/** One field, whatever it is. @param {{ form: FormState, path: string[], schema: any, required?: boolean }} props */
export function Field({ form, path, schema, required = false }) {
  const { schema: shape, nullable } = form.schemas.shape(schema);
  const props = { form, path, shape, required };
  const name = path.at(-1);
  if (shape.title === "CorpusReference") return html`<${TextReference} ...${props} />`;
  if (shape.title === "VocabularySpec") return html`<${OneOf} ...${props} />`;
  if (form.schemas.members(shape).size) return html`<${Union} ...${props} />`;
  if (shape.properties) return html`<${Group} ...${props} optional=${nullable} />`;
  if (shape.type === "array" && shape.items?.type === "string") {
    return RESOURCES[name] ? html`<${Names} ...${props} />` : html`<${Lines} ...${props} />`;
  }
  if (shape.enum) return html`<${Choice} ...${props} />`;
  if (shape.type === "boolean") return html`<${YesNo} ...${props} />`;
  const canBeNone = nullable && (shape.default ?? null) !== null;
  return html`<${Written} ...${props} collection=${RESOURCES[name]} canBeNone=${canBeNone} />`;
}

/** The id of a field's input, by which its problem leads to it. */
export const idOf = (path) => `field-${path.join(".")}`;

/** A field's name, input, default and description, with what is wrong with it. */
function Labelled({ form, path, shape, required, said, children }) {
  const problem = form.problem(path.join("."));
  const id = idOf(path);
  return html`<div class=${problem ? "field wrong" : "field"}>
    <label for=${id}>${labelOf(path)}${required && html` <span class="quiet">needed</span>`}</label>
    <div class="given">${children}${said && html`<span class="quiet said">${said}</span>`}</div>
    ${problem && html`<p class="reason" id=${`${id}-problem`}>${problem}</p>`}
    ${shape.description && html`<${Hint} id=${`${id}-hint`} text=${shape.description} />`}
  </div>`;
}

/** A description as the API writes it: what stands between backticks is code. */
export function Hint({ id, text }) {
  const [paragraph] = text.split("\n\n");
  return html`<p class="hint" id=${id}>${paragraph.split("`").map((part, place) => (place % 2 ? html`<code key=${place}>${part}</code>` : part))}</p>`;
}

const labelOf = (path) => wordsOf(/^\d+$/.test(path.at(-1)) ? `${path.at(-2)} ${Number(path.at(-1)) + 1}` : path.at(-1));

/** What the browser is told of every input. */
function inputProps(form, path, shape) {
  const id = idOf(path);
  const isWrong = Boolean(form.problem(path.join(".")));
  const described = [isWrong && `${id}-problem`, shape.description && `${id}-hint`].filter(Boolean).join(" ");
  return { id, "aria-invalid": isWrong ? "true" : undefined, "aria-describedby": described || undefined };
}

const valueAt = (form, path) => path.reduce((node, part) => node?.[part], form.values);

/** Text or a number, as written: what is no number goes to the server as it is, which says what would be right. */
function Written({ form, path, shape, required, collection, canBeNone }) {
  const isNumber = ["integer", "number"].includes(shape.type);
  const value = valueAt(form, path);
  const list = useId();
  const write = ({ currentTarget: { value: text } }) => {
    const number = isNumber && text.trim() !== "" ? Number(text) : NaN;
    form.set(path, text === "" ? undefined : Number.isNaN(number) ? text : number);
  };
  const choices = collection ? (form.choices[collection] ?? []) : [];
  const said = shape.default !== undefined && shape.default !== null ? `default ${defaultWords(shape.default)}` : "";
  return html`<${Labelled} ...${{ form, path, shape, required }} said=${[said, isNumber && limits(shape)].filter(Boolean).join(" · ")}>
    <input ...${inputProps(form, path, shape)} type="text" inputmode=${isNumber ? "decimal" : undefined} autocomplete="off" spellcheck="false"
      class=${isNumber ? "number-input" : ""} required=${required} disabled=${value === null} value=${value ?? ""} list=${choices.length ? list : undefined} onInput=${write} />
    ${choices.length > 0 && html`<datalist id=${list}>${choices.map((one) => html`<option key=${one.id} value=${one.name ?? one.id}>${one.told ?? ""}</option>`)}</datalist>`}
    ${canBeNone && html`<label class="none"><input type="checkbox" checked=${value === null}
      onChange=${(event) => form.set(path, event.currentTarget.checked ? null : undefined)} /> none</label>`}
  <//>`;
}

function Choice({ form, path, shape, required }) {
  const value = valueAt(form, path) ?? "";
  const other = shape.default === undefined ? "choose …" : `${defaultWords(shape.default)} (default)`;
  return html`<${Labelled} ...${{ form, path, shape, required }}>
    <select ...${inputProps(form, path, shape)} value=${value} onChange=${(event) => form.set(path, event.currentTarget.value || undefined)}>
      <option value="">${other}</option>
      ${shape.enum.filter((one) => one !== shape.default).map((one) => html`<option key=${one} value=${one}>${defaultWords(one)}</option>`)}
    </select>
  <//>`;
}

function YesNo({ form, path, shape }) {
  const value = valueAt(form, path) ?? shape.default ?? false;
  return html`<${Labelled} ...${{ form, path, shape }} said=${`default ${defaultWords(shape.default ?? false)}`}>
    <input ...${inputProps(form, path, shape)} type="checkbox" checked=${value}
      onChange=${(event) => form.set(path, event.currentTarget.checked === (shape.default ?? false) ? undefined : event.currentTarget.checked)} />
  <//>`;
}

/** A list of words, one a line. */
function Lines({ form, path, shape, required }) {
  const value = valueAt(form, path);
  const write = (event) => form.set(path, event.currentTarget.value.split("\n").map((word) => word.trim()).filter(Boolean));
  return html`<${Labelled} ...${{ form, path, shape, required }} said="one a line">
    <textarea ...${inputProps(form, path, shape)} rows="4" onChange=${write}>${(value ?? []).join("\n")}</textarea>
  <//>`;
}

/** Several resources of one collection, in order. */
function Names({ form, path, shape, required }) {
  const value = valueAt(form, path) ?? [];
  const shown = Math.max(value.length, shape.minItems ?? 1);
  return html`<fieldset class="group" id=${idOf(path)} tabindex="-1"><legend>${labelOf(path)}</legend>
    ${shape.description && html`<${Hint} text=${shape.description} />`}
    <${GroupProblem} form=${form} path=${path} />
    ${Array.from({ length: shown }, (_, place) => html`<${Written} key=${place} form=${form} path=${[...path, String(place)]}
      shape=${{ type: "string" }} required=${required && place < (shape.minItems ?? 1)} collection=${RESOURCES[path.at(-1)]} />`)}
    <button type="button" onClick=${() => form.set([...path, String(shown)], "")}>Add one</button>
  </fieldset>`;
}

/** Which text: one or more corpora, a split of them, and at most how much. */
function TextReference({ form, path, shape, required }) {
  const value = valueAt(form, path) ?? {};
  const corpora = value.corpora ?? [];
  const known = form.choices.corpora ?? [];
  const shown = Math.max(1, corpora.length);
  const splits = [...new Set(corpora.flatMap((name) => Object.keys(known.find((one) => [one.name, one.id].includes(name))?.splits ?? {})))];
  const written = { description: undefined };
  const choose = (place, name) => {
    const chosen = [...corpora];
    chosen[place] = name || undefined;
    const kept = chosen.filter(Boolean);
    // A corpus with a split of the field's name is meant by that: nobody wants to learn the test text.
    const own = known.find((one) => [one.name, one.id].includes(name))?.splits ?? {};
    const split = place === 0 ? (path.at(-1) in own ? path.at(-1) : undefined) : value.split;
    form.set(path, kept.length ? { ...value, corpora: kept, split } : undefined);
  };
  const many = splits.length > 0 || value.split;
  return html`<fieldset class="group" id=${idOf(path)} tabindex="-1">
    <legend>${wordsOf(path.at(-1))} text${required && html` <span class="quiet">needed</span>`}</legend>
    ${shape.description && html`<${Hint} text=${shape.description} />`}
    <${GroupProblem} form=${form} path=${path} />
    <div class="side-by-side">
      ${Array.from({ length: shown }, (_, place) => {
        const own = [...path, "corpora", String(place)];
        return html`<${Labelled} key=${place} form=${form} path=${place ? own : [...path, "corpus"]} shape=${written}>
          <select ...${inputProps(form, place ? own : [...path, "corpus"], written)} value=${corpora[place] ?? ""} required=${required && place === 0}
              onChange=${(event) => choose(place, event.currentTarget.value)}>
            <option value="">${required || place ? "choose …" : "none"}</option>
            ${named(known, corpora[place]).map((one) => html`<option key=${one.id} value=${one.id === corpora[place] ? one.id : one.name ?? one.id}>${one.name ?? one.id}</option>`)}
          </select><//>`;
      })}
      ${many && html`<${Labelled} form=${form} path=${[...path, "split"]} shape=${written}>
        <select ...${inputProps(form, [...path, "split"], written)} value=${value.split ?? ""} onChange=${(event) => form.set([...path, "split"], event.currentTarget.value || undefined)}>
          <option value="">all of it</option>
          ${[...new Set([...splits, ...(value.split ? [value.split] : [])])].map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
        </select><//>`}
      ${corpora.length > 0 && html`<${Written} form=${form} path=${[...path, "limit_tokens"]} shape=${{ type: "integer" }} />`}
    </div>
    ${corpora.length > 0 && known.length > 1 && html`<button type="button" class="small" onClick=${() => form.set(path, { ...value, corpora: [...corpora, ""] })}>Add another corpus</button>`}
  </fieldset>`;
}

/** The known corpora and, where it is none of them, the one that was chosen elsewhere. */
function named(known, chosen) {
  return !chosen || known.some((one) => [one.name, one.id].includes(chosen)) ? known : [...known, { id: chosen, name: null }];
}

/** An object of which exactly one field is given. */
function OneOf({ form, path, shape }) {
  const value = valueAt(form, path) ?? {};
  const fields = fieldsOf(shape);
  const given = fields.map(([name]) => name).find((name) => value[name] !== undefined && value[name] !== null) ?? "";
  const choose = (name) => form.set(path, name ? { [name]: name === "words" ? [] : "" } : undefined);
  const chosen = fields.find(([name]) => name === given);
  return html`<fieldset class="group" id=${idOf(path)} tabindex="-1"><legend>${labelOf(path)}</legend>
    ${shape.description && html`<${Hint} text=${shape.description} />`}
    <${GroupProblem} form=${form} path=${path} />
    <${Which} form=${form} path=${[...path, "which"]} label="Chosen by" value=${given} other=${`${defaultWords(shape.default ?? { size: 25000 })} (default)`}
      choices=${fields.map(([name]) => [name, wordsOf(name)])} onChange=${choose} />
    ${chosen && html`<${Field} form=${form} path=${[...path, given]} schema=${chosen[1]} />`}
  </fieldset>`;
}

/** One of several objects, told apart by a tag. */
function Union({ form, path, shape }) {
  const tag = shape.discriminator.propertyName;
  const members = form.schemas.members(shape);
  const value = valueAt(form, path);
  const given = value?.[tag] ?? "";
  const usual = shape.default?.[tag];
  const member = members.get(given);
  return html`<fieldset class="group" id=${idOf(path)} tabindex="-1"><legend>${labelOf(path)}</legend>
    <${GroupProblem} form=${form} path=${path} />
    <${Which} form=${form} path=${[...path, tag]} label=${wordsOf(tag)} value=${given} other=${`${defaultWords(shape.default)} (default)`}
      choices=${[...members].map(([name]) => [name, defaultWords(name) + (name === usual ? " …" : "")])}
      onChange=${(name) => form.set(path, name ? { [tag]: name } : undefined)} />
    ${member?.description && html`<${Hint} text=${member.description} />`}
    ${member && fieldsOf(member).map(([name, schema]) => html`<${Field} key=${name} form=${form} path=${[...path, name]} schema=${schema}
        required=${member.required?.includes(name)} />`)}
  </fieldset>`;
}

function Which({ form, path, label, value, other, choices, onChange }) {
  return html`<div class="field"><label for=${idOf(path)}>${label}</label>
    <div class="given"><select ...${inputProps(form, path, {})} value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      <option value="">${other}</option>${choices.map(([name, text]) => html`<option key=${name} value=${name}>${text}</option>`)}
    </select></div></div>`;
}

/** An object with fields of its own; where it may be left out, it is given or not. */
function Group({ form, path, shape, optional }) {
  const value = valueAt(form, path);
  const isGiven = !optional || (value !== undefined && value !== null);
  return html`<fieldset class="group" id=${idOf(path)} tabindex="-1"><legend>${labelOf(path)}</legend>
    ${shape.description && html`<${Hint} text=${shape.description} />`}
    <${GroupProblem} form=${form} path=${path} />
    ${optional && html`<div class="field"><label for=${`${idOf(path)}-given`}>Given</label><div class="given">
      <input id=${`${idOf(path)}-given`} type="checkbox" checked=${isGiven} onChange=${(event) => form.set(path, event.currentTarget.checked ? {} : undefined)} /></div></div>`}
    ${isGiven && fieldsOf(shape).map(([name, schema]) => html`<${Field} key=${name} form=${form} path=${[...path, name]} schema=${schema}
        required=${optional && shape.required?.includes(name)} />`)}
  </fieldset>`;
}

function GroupProblem({ form, path }) {
  const problem = form.problem(path.join("."));
  return problem ? html`<p class="reason">${problem}</p>` : null;
}
