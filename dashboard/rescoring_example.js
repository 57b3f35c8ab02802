/** Lists to try the page with: what a recogniser may have heard, its acoustic scores, and what was said. */

const HEARD = [
  ["call-1", "the storm hit the coast", [
    ["the storm hit the cost", -210.4], ["the storm hit the coast", -210.6], ["the storm it the coast", -210.9], ["a storm hit the coast", -211.8]]],
  ["call-2", "schools were closed for two days", [
    ["schools were clothes for two days", -297.2], ["schools were closed for two days", -297.9], ["schools were closed for today's", -298.1], ["school was closed for two days", -299.6]]],
  ["call-3", "the river rose again on tuesday", [
    ["the river rows again on tuesday", -280.1], ["the river rose again on tuesday", -280.9], ["the river rose again in tuesday", -282.3]]],
  ["call-4", "heavy rain fell in the towns by the coast", [
    ["heavy reign fell in the towns by the coast", -401.7], ["heavy rain fell in the towns by the coast", -401.9], ["heavy rain fell in the town by the cost", -402.2], ["heavy rain fell on the towns by the coast", -403.0]]],
  ["call-5", "winds reached the city", [
    ["wins reached the city", -180.8], ["winds reached the city", -181.5], ["winds reach the city", -182.0]]],
  ["call-6", "they warned of new storms", [
    ["they warned of new storms", -221.3], ["they warned of no storms", -221.7], ["they warn of new storms", -222.4]]],
];

/** As JSON lines. */
export const EXAMPLE = HEARD.map(([utterance, reference, hypotheses]) => JSON.stringify({
  utterance,
  reference,
  hypotheses: hypotheses.map(([text, am_score]) => ({ text, am_score })),
})).join("\n");
