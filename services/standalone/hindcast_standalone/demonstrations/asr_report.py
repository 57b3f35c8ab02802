"""What `make asr-demo` found, counted and written down."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from hindcast_scorer.rescoring.conventions import preset
from hindcast_scorer.rescoring.word_errors import WordErrors, list_errors
from hindcast_standalone.demonstrations.asr_decoding import Decoded
from hindcast_standalone.demonstrations.asr_rescoring import Lists, Rescored

ALL = "all"
COLUMNS = ("Set", "Utterances", "Words", "PocketSphinx", "Lists", "Lattices", "Oracle of lists")


@dataclass(frozen=True)
class Row:
    """Word error rates of one set, in percent."""

    set: str
    utterances: int
    words: int
    first: float | None
    """Of the recogniser's first hypotheses."""
    lists: float | None
    """After rescoring its lists."""
    lattices: float | None
    oracle: float | None
    """Of the hypotheses of each list with the fewest errors."""

    @property
    def cells(self) -> tuple[str, ...]:
        """As the tables show it."""
        rates = (self.first, self.lists, self.lattices, self.oracle)
        return (self.set, f"{self.utterances:,}", f"{self.words:,}", *("–" if r is None else f"{r:.1f}" for r in rates))


def rows(decoded: Sequence[Decoded], lists: Lists, found: Mapping[str, Rescored]) -> list[Row]:
    """One for each set, and one for all. Where nothing was heard, all words are missing."""
    sets = list(dict.fromkeys(each.recording.set for each in decoded))
    chosen = [(name, [each for each in decoded if each.recording.set == name]) for name in sets]
    return [_row(name, some, lists, found) for name, some in (*chosen, (ALL, list(decoded)))]


def terminal_table(found: Sequence[Row]) -> Table:
    """For the screen."""
    table = Table(title="Word error rate in percent", title_justify="left")
    for index, column in enumerate(COLUMNS):
        table.add_column(column, justify="right" if index else "left")
    for row in found:
        table.add_row(*row.cells)
    return table


def write(
    folder: Path,
    found: Sequence[Row],
    tuned: Mapping[int, Any],
    *,
    model: Mapping[str, Any],
    command: str,
    texts: Sequence[Mapping[str, Any]],
) -> Path:
    """`asr-demo.json` and `asr-demo.md`; the latter's path."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "command": command,
        "convention": "none, lower case without punctuation",
        "model": model,
        "rows": [asdict(row) for row in found],
        "tuned": {f"on half {1 - half}, judged on half {half}": answer for half, answer in tuned.items()},
        "utterances": texts,
    }
    (folder / "asr-demo.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), encoding="utf-8")
    page = folder / "asr-demo.md"
    page.write_text(_page(found, tuned, model, command), encoding="utf-8")
    return page


def texts(decoded: Sequence[Decoded], found: Mapping[str, Rescored]) -> list[dict[str, Any]]:
    """What was said, heard and made of it, utterance by utterance."""
    return [
        {
            "id": each.recording.id,
            "set": each.recording.set,
            "half": each.recording.half,
            "reference": each.recording.reference,
            "first": each.text,
            **(asdict(found[each.recording.id]) if each.recording.id in found else {}),
        }
        for each in decoded
    ]


def verdicts(tuned: Mapping[int, Any]) -> list[str]:
    """A sentence for each half."""
    return [
        f"Half {half}, by weights of half {1 - half} (lm_weight {answer['weights']['lm_weight']:.2f}, "
        f"word_insertion_penalty {answer['weights']['word_insertion_penalty']:.2f}): WER of the best acoustic score "
        f"{answer['report']['wer_before']:.1f} %, of the rescored lists {answer['report']['wer_after']:.1f} %: "
        f"{answer['report']['verdict']}."
        for half, answer in sorted(tuned.items())
    ]


def _row(name: str, some: Sequence[Decoded], lists: Lists, found: Mapping[str, Rescored]) -> Row:
    totals = [WordErrors()] * 4
    for each in some:
        id = each.recording.id
        after = found.get(id, Rescored("", ""))
        own = [hypothesis["text"] for hypothesis in lists[id]["hypotheses"]] if id in lists else [""]
        errors = list_errors(each.recording.reference, [each.text, after.list_text, after.lattice_text], preset("none"))
        oracle = list_errors(each.recording.reference, own, preset("none"))
        counted = (*(errors.of(index) for index in range(3)), oracle.of(oracle.oracle))
        totals = [total + more for total, more in zip(totals, counted, strict=True)]
    first, of_lists, of_lattices, of_oracle = (total.wer for total in totals)
    return Row(name, len(some), totals[0].words, first, of_lists, of_lattices, of_oracle)


def _page(found: Sequence[Row], tuned: Mapping[int, Any], model: Mapping[str, Any], command: str) -> str:
    lines = [
        "# PocketSphinx, rescored by Hindcast",
        "",
        f"`{command}`, with the model {model['name'] or model['id']}. Word error rates in percent; references and",
        "hypotheses in lower case without punctuation. Weights for one half of the recordings were tuned on the other.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{' --- |' * len(COLUMNS)}",
        *(f"| {' | '.join(row.cells)} |" for row in found),
        "",
        *(f"- {sentence}" for sentence in verdicts(tuned)),
    ]
    return "\n".join(lines) + "\n"
