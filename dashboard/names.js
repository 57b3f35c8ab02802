/** What jobs, corpora, tables and models are called: by their name, else by what an experiment or an upload knows them as. */

/** @typedef {{ id: string, name?: string | null, label?: string | null }} Named */

/** @param {Named} one */
export const called = (one) => one.name ?? one.label ?? one.id;

/** Those that somebody has named before those of experiments and uploads, each in the order given. @template {Named} T @param {T[]} all @returns {T[]} */
export const namedFirst = (all) => [...all.filter((one) => one.name), ...all.filter((one) => !one.name)];

/** The classes of its element: an id is set as one. @param {Named} one */
export const nameClass = (one) => (called(one) === one.id ? "name id" : "name");
