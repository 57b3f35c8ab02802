/** What a form needs to know of a JSON schema as OpenAPI documents write it: references, null, choices. */

/**
 * @typedef {Record<string, any>} Schema
 *
 * @typedef {object} Shape
 * @property {Schema} schema      without the reference and the null
 * @property {boolean} nullable
 */

/** A document whose references can be followed. */
export class SchemaDocument {
  /** @param {any} document  OpenAPI */
  constructor(document) {
    this.document = document;
  }

  /** @returns {Schema} What a schema stands for. What is said beside a reference stays. */
  resolved(schema) {
    if (!schema?.$ref) return schema ?? {};
    const { $ref, ...beside } = schema;
    const found = $ref.replace("#/", "").split("/").reduce((node, part) => node[part], this.document);
    return { ...this.resolved(found), ...beside };
  }

  /** @returns {Shape} The schema of a field, apart from whether null will do. */
  shape(schema) {
    const whole = this.resolved(schema);
    if (!whole.anyOf) return { schema: whole, nullable: false };
    const { anyOf, ...beside } = whole;
    const some = anyOf.filter((one) => one.type !== "null");
    // Of several forms a form offers the first, the simplest one.
    return { schema: { ...this.resolved(some[0]), ...beside }, nullable: some.length < anyOf.length };
  }

  /** @returns {Map<string, Schema>} The members of a union by what its discriminator says; empty where it is none. */
  members(schema) {
    const mapping = schema.discriminator?.mapping ?? {};
    return new Map(Object.entries(mapping).map(([name, $ref]) => [name, this.resolved({ $ref })]));
  }

  /** @returns {Map<string, Schema>} What `POST /v1/jobs` takes, by kind. */
  jobs() {
    const body = this.document.paths["/v1/jobs"].post.requestBody.content["application/json"].schema;
    return this.members(this.resolved(body));
  }
}

/** The fields of an object's schema, without its tag. @returns {[string, Schema][]} */
export function fieldsOf(schema) {
  const tags = ["kind", schema.properties?.type?.const ? "type" : ""];
  return Object.entries(schema.properties ?? {}).filter(([name]) => !tags.includes(name));
}

/** "hidden_size" → "Hidden size" */
export const wordsOf = (name) => name.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());

/** A default as people read it: "learned, size 256". */
export function defaultWords(value) {
  if (value === undefined || value === null) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "object") {
    const { type, ...others } = value;
    const told = Object.entries(others).map(([name, one]) => `${name.replaceAll("_", " ")} ${one}`);
    return [...(type ? [defaultWords(type)] : []), ...told].join(", ");
  }
  return String(value).replaceAll("_", " ");
}

/** What will do for a number, in words: "from 1 to 4,096". */
export function limits({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }) {
  const low = minimum !== undefined ? `from ${minimum}` : exclusiveMinimum !== undefined ? `above ${exclusiveMinimum}` : "";
  const high = maximum !== undefined ? `to ${maximum}` : exclusiveMaximum !== undefined ? `${low ? "to below" : "below"} ${exclusiveMaximum}` : "";
  const unbounded = maximum >= 1e6 ? "" : high;
  return [low, unbounded, multipleOf ? `a multiple of ${multipleOf}` : ""].filter(Boolean).join(" ");
}

/**
 * A document without what is left to the default: undefined, and objects that hold nothing else.
 * @returns {any} undefined where nothing stays
 */
export function pruned(value) {
  if (Array.isArray(value)) {
    const kept = value.map(pruned).filter((one) => one !== undefined);
    return kept.length ? kept : undefined;
  }
  if (value === null || typeof value !== "object") return value === "" ? undefined : value;
  const kept = Object.entries(value).map(([name, one]) => [name, pruned(one)]).filter(([, one]) => one !== undefined);
  return kept.length ? Object.fromEntries(kept) : undefined;
}

/** The same document with one place in it changed. @param {string[]} path */
export function placed(document, [name, ...rest], value) {
  const before = Array.isArray(document) ? [...document] : { ...document };
  const inner = before[name] ?? (/^\d+$/.test(rest[0]) ? [] : {});
  before[name] = rest.length ? placed(inner, rest, value) : value;
  return before;
}
