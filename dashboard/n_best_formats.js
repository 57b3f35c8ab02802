/** The formats of n-best lists and lattices, and which of them a file is in where its name or beginning tells. */

/** @type {Record<string, string>} by the names that the service has for them */
export const FORMATS = {
  jsonl: "JSON lines",
  "srilm-plain": "SRILM, plain",
  "srilm-nbest1": "SRILM, NBestList1.0",
  "srilm-nbest2": "SRILM, NBestList2.0",
  kaldi: "Kaldi, lists (tar)",
  espnet1: "ESPnet 1",
  espnet2: "ESPnet 2 (tar)",
  "hyp-json": "hyp.json",
  "nemo-tsv": "NeMo (tar)",
  slf: "HTK lattices",
  "kaldi-lattice": "Kaldi lattices",
};
export const LATTICES = ["slf", "kaldi-lattice"];
const SUFFIXES = { ".jsonl": "jsonl", ".ndjson": "jsonl", ".slf": "slf" };
const NUMBER = "[-+]?[0-9]*\\.?[0-9]+(?:[eE][-+]?[0-9]+)?";
/** @type {[string, RegExp][]} */
const BEGINNINGS = [
  ["jsonl", /^\s*\{\s*"utterance"\s*:\s*"/],
  ["srilm-nbest1", /^NBestList1\.0\s/],
  ["srilm-nbest2", /^NBestList2\.0\s/],
  ["slf", /^(?:#.*\n|\s*\n)*(?:VERSION|V)=/],
  ["srilm-plain", new RegExp(`^[ \\t]*${NUMBER}[ \\t]+${NUMBER}[ \\t]+[0-9]+(?:[ \\t]|\\r?\\n)`)],
  ["kaldi-lattice", /^\S+[ \t]*\n[0-9]+[ \t]+[0-9]+[ \t]+\S+[ \t]+[^\s,]+,[^\s,]+,/],
  ["espnet1", /^\s*\{\s*"utts"\s*:/],
  ["hyp-json", /^\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{\s*"(?:hyp_[0-9]+|ref)"\s*:/],
];
/** @type {[string, RegExp][]} */
const MEMBERS = [
  ["espnet2", /^(?:.*\/)?[0-9]+best_recog\/[^/]+$/],
  ["kaldi", /^(?:.*\/)?(?:words|lmwt|acwt|ali)(?:[._][^/]*)?$/],
];
const SYMBOL_TABLE = /^(?:.*\/)?words\.txt(?:\.gz)?$/;
const UTTERANCE_SUFFIX = /\.(slf|lat|nbest[12]?|txt|score)$/;
const BLOCK = 512;

/**
 * @param {string} name         of the file; empty where it was pasted
 * @param {Uint8Array} content  not gzipped
 * @returns {string | null} the format; null where several come into question
 */
export function formatOf(name, content) {
  const suffix = Object.keys(SUFFIXES).find((each) => name.replace(/\.gz$/, "").endsWith(each));
  return suffix ? SUFFIXES[suffix] : ofArchive(content) ?? ofText(content);
}

/** `lattices/sw1.A.slf.gz` holds the utterance `sw1.A`. */
export const utteranceOf = (name) => name.replace(/^.*\//, "").replace(/\.gz$/, "").replace(UTTERANCE_SUFFIX, "");

/** A file as it was before it was gzipped. */
export async function unpacked(file) {
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  if (head[0] !== 0x1f || head[1] !== 0x8b) return file;
  return new Response(file.stream().pipeThrough(new DecompressionStream("gzip"))).blob();
}

function ofArchive(content) {
  const names = [];
  for (let at = 0; text(content, at + 257, 5) === "ustar"; ) {
    const size = parseInt(text(content, at + 124, 12), 8) || 0;
    const name = field(content, at, 100);
    const isFile = ["0", "\0"].includes(text(content, at + 156, 1));
    if (isFile) {
      names.push(name);
      const found = ofMembers(names) ?? formatOf(name, content.subarray(at + BLOCK, at + BLOCK + Math.min(size, BLOCK)));
      if (found) return found;
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return null;
}

function ofMembers(names) {
  const telling = names.some((name) => !SYMBOL_TABLE.test(name));
  const found = MEMBERS.find(([, pattern]) => telling && names.every((name) => pattern.test(name)));
  if (found) return found[0];
  return names.length === 2 && names.some((name) => name.endsWith(".tsv")) ? "nemo-tsv" : null;
}

function ofText(content) {
  const beginning = new TextDecoder().decode(content.subarray(0, 64 * BLOCK));
  const found = BEGINNINGS.find(([, pattern]) => pattern.test(beginning));
  return found ? found[0] : isList(beginning.split("\n", 1)[0]) ? "jsonl" : null;
}

function isList(line) {
  try {
    const found = JSON.parse(line);
    return "utterance" in found && "hypotheses" in found;
  } catch {
    return false;
  }
}

const text = (content, start, length) => String.fromCharCode(...content.subarray(start, start + length));
const field = (content, start, length) => text(content, start, length).replace(/\0.*$/s, "");
