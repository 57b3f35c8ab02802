"""What `make asr-demo` found, counted and written down.

Shapes: U utterances.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.table import Table

from hindcast_scorer.rescoring.conventions import preset
from hindcast_scorer.rescoring.significance import interval, matched_pairs
from hindcast_scorer.rescoring.word_errors import ListErrors, WordErrors, list_errors
from hindcast_standalone.demonstrations.asr_decoding import Decoded
from hindcast_standalone.demonstrations.asr_rescoring import Lists, Outcome, Rescored

ALL = "all"
FIRST = "PocketSphinx"
ORACLE = "Oracle of lists"
SIGNIFICANT = 0.05
Integers = npt.NDArray[np.int64]
Texts = Mapping[str, Callable[[Decoded], str]]
"""By column: what it says was said in a recording."""


@dataclass(frozen=True)
class Row:
    """Word error rates of one set, in percent."""

    set: str
    utterances: int
    words: int
    rates: Mapping[str, float | None]
    """Of the recogniser's first hypotheses, of each way to rescore lists and lattices, and of the hypotheses of each
    list with the fewest errors."""

    @property
    def cells(self) -> tuple[str, ...]:
        """As the tables show it."""
        rates = ("–" if rate is None else f"{rate:.1f}" for rate in self.rates.values())
        return (self.set, f"{self.utterances:,}", f"{self.words:,}", *rates)

    @property
    def columns(self) -> tuple[str, ...]:
        """Above the cells."""
        return ("Set", "Utterances", "Words", *self.rates)


@dataclass(frozen=True)
class Report:
    """All that is told."""

    rows: Sequence[Row]
    """One for each set, and one for all."""
    verdicts: Sequence[str]
    tuned: Mapping[str, Mapping[int, Any]]
    """By way of scoring: the answers of tuning, by the half that they were judged on."""
    utterances: Sequence[Mapping[str, Any]]
    """What was said, heard and made of it."""


def report(decoded: Sequence[Decoded], lists: Lists, outcomes: Sequence[Outcome]) -> Report:
    """Count. Where nothing was heard, all words are missing."""
    sets = list(dict.fromkeys(each.recording.set for each in decoded))
    chosen = [(name, [each for each in decoded if each.recording.set == name]) for name in sets]
    texts = _texts(outcomes)
    return Report(
        [_row(name, some, lists, texts) for name, some in (*chosen, (ALL, list(decoded)))],
        [*_comparisons(decoded, outcomes, texts), *_weights(outcomes)],
        {outcome.scoring.name: outcome.tuned for outcome in outcomes},
        [_utterance(each, texts) for each in decoded],
    )


def terminal_table(found: Sequence[Row]) -> Table:
    """For the screen."""
    table = Table(title="Word error rate in percent", title_justify="left")
    for index, column in enumerate(found[0].columns):
        table.add_column(column, justify="right" if index else "left")
    for row in found:
        table.add_row(*row.cells)
    return table


def write(folder: Path, found: Report, *, model: Mapping[str, Any], command: str) -> Path:
    """`asr-demo.json` and `asr-demo.md`; the latter's path."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "command": command,
        "convention": "none, lower case without punctuation",
        "model": model,
        "rows": [asdict(row) for row in found.rows],
        "verdicts": found.verdicts,
        "tuned": {
            name: {f"on half {1 - half}, judged on half {half}": answer for half, answer in answers.items()}
            for name, answers in found.tuned.items()
        },
        "utterances": found.utterances,
    }
    (folder / "asr-demo.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), encoding="utf-8")
    page = folder / "asr-demo.md"
    page.write_text(_page(found, model, command), encoding="utf-8")
    return page


def _texts(outcomes: Sequence[Outcome]) -> dict[str, Callable[[Decoded], str]]:
    def of(outcome: Outcome, kind: str) -> Callable[[Decoded], str]:
        nothing = Rescored("", "")
        return lambda each: str(getattr(outcome.rescored.get(each.recording.id, nothing), kind))

    texts: dict[str, Callable[[Decoded], str]] = {FIRST: lambda each: each.words}
    for outcome in outcomes:
        texts[f"Lists, {outcome.scoring.name}"] = of(outcome, "list_text")
        texts[f"Lattices, {outcome.scoring.name}"] = of(outcome, "lattice_text")
    return texts


def _row(name: str, some: Sequence[Decoded], lists: Lists, texts: Texts) -> Row:
    totals = dict.fromkeys((*texts, ORACLE), WordErrors())
    for each in some:
        errors = _errors(each, [text(each) for text in texts.values()])
        own = _errors(each, [hypothesis["text"] for hypothesis in lists.get(each.recording.id, ())] or [""])
        for index, column in enumerate(texts):
            totals[column] += errors.of(index)
        totals[ORACLE] += own.of(own.oracle)
    rates = {column: total.wer for column, total in totals.items()}
    return Row(name, len(some), totals[ORACLE].words, rates)


def _errors(each: Decoded, hypotheses: Sequence[str]) -> ListErrors:
    return list_errors(each.recording.reference, hypotheses, preset("none"))


def _comparisons(decoded: Sequence[Decoded], outcomes: Sequence[Outcome], texts: Texts) -> list[str]:
    """A sentence for each column that says whether it is better than PocketSphinx, and than the trigrams alone."""
    counted = [_errors(each, [text(each) for text in texts.values()]) for each in decoded]
    errors_of = {column: np.array([one.errors[index] for one in counted]) for index, column in enumerate(texts)}
    words_U = np.array([one.words for one in counted])
    pairs = [(column, FIRST) for column in texts if column != FIRST]
    if "trigrams alone" in {outcome.scoring.name for outcome in outcomes}:
        pairs += [(f"{kind}, both models", f"{kind}, trigrams alone") for kind in ("Lists", "Lattices")]
    return [_comparison(new, old, errors_of[new], errors_of[old], words_U) for new, old in pairs]


def _comparison(new: str, old: str, new_U: Integers, old_U: Integers, words_U: Integers) -> str:
    differences_U = new_U - old_U
    if not (said := int(words_U.sum())):
        return f"{new} beside {old}: nothing was said."
    before, after = 100 * old_U.sum() / said, 100 * new_U.sum() / said
    ci95, p = interval(differences_U, words_U), matched_pairs(differences_U)
    verdict = "no significant difference"
    if p < SIGNIFICANT:
        verdict = "it helps" if after < before else "it makes things worse"
    return (
        f"{new}: WER {after:.1f} % beside {before:.1f} % of {old}, {after - before:+.1f} points "
        f"(95 % interval {ci95.low:+.1f} to {ci95.high:+.1f}, p = {p:.3f}): {verdict}."
    )


def _weights(outcomes: Sequence[Outcome]) -> list[str]:
    return [
        f"Weights for half {half}, tuned on half {1 - half}, {outcome.scoring.name}: {_told(answer['weights'])}."
        for outcome in outcomes
        for half, answer in sorted(outcome.tuned.items())
    ]


def _told(weights: Mapping[str, Any]) -> str:
    joined = weights.get("interpolation")
    own = "" if joined is None else f", share of the neural model {joined['weight']:.1f}"
    return f"lm_weight {weights['lm_weight']:.2f}, word_insertion_penalty {weights['word_insertion_penalty']:.2f}{own}"


def _utterance(each: Decoded, texts: Texts) -> dict[str, Any]:
    return {
        "id": each.recording.id,
        "set": each.recording.set,
        "half": each.recording.half,
        "reference": each.recording.reference,
        **{column: text(each) for column, text in texts.items()},
    }


def _page(found: Report, model: Mapping[str, Any], command: str) -> str:
    columns = found.rows[0].columns
    lines = [
        "# PocketSphinx, rescored by Hindcast",
        "",
        f"`{command}`, with the model {model['name'] or model['id']}. Word error rates in percent; references and",
        "hypotheses in lower case without punctuation. Weights for one half of the recordings were tuned on the other.",
        "",
        f"| {' | '.join(columns)} |",
        f"|{' --- |' * len(columns)}",
        *(f"| {' | '.join(row.cells)} |" for row in found.rows),
        "",
        *(f"- {sentence}" for sentence in found.verdicts),
    ]
    return "\n".join(lines) + "\n"
