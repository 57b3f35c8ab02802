"""`make table1`: the paper's Table 1 on open text, at a tenth of its size, its numbers beside ours.

It may take hours, can be stopped at any time and goes on where it was: jobs that have run are not run again.
"""

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console

from hindcast.errors import InvalidInput
from hindcast.settings import Settings
from hindcast_client.changes import gains_of
from hindcast_client.charts import draw_changes, draw_gains, save
from hindcast_standalone.demonstrations import table1_requests as requests
from hindcast_standalone.demonstrations.api_client import ApiClient, submitted, upload_once
from hindcast_standalone.demonstrations.demo import labelled_jobs
from hindcast_standalone.demonstrations.server import running_server
from hindcast_standalone.demonstrations.table1_report import Figures, figures, terminal_table, write
from hindcast_standalone.demonstrations.table1_requests import Size
from hindcast_standalone.demonstrations.table1_texts import PIPELINE, SourceText, select


@dataclass(frozen=True)
class Asked:
    """What the command was asked for."""

    data: Path
    output: Path | None = None
    """Where the table and its plot are written; None: `results` under HINDCAST_HOME."""
    scale: float = 0.1
    """Of the paper's size."""
    lm_words: int | None = None
    """Words that the language models learn; None: a share of the paper's 10 million."""
    seeds: int = 3
    rows: Sequence[str] = ()
    """Keys of the preset's rows; none: all."""
    baseline: str = requests.BASELINE
    """Key of the row that the others are compared with."""
    epochs: int | None = None
    """At most, of every network; None: until patience ends it."""
    lm: str = "{}"
    """Fields of every language model, instead of the preset's: JSON."""
    settled: str = "{}"
    """What an earlier search found, so that it isn't searched again: JSON with `inputs`, by row, and `pretrain`, by the
    kind of job."""
    untuned: bool = False
    """Leave out the search for the best input of rows, and for the settings of domains, that the paper doesn't name."""
    curve: bool = False
    """Instead of the table: how much word2vec brings at three amounts of text to learn."""

    @property
    def chosen(self) -> tuple[str, ...]:
        """In the preset's order. InvalidInput where one is unknown; the baseline is always there."""
        for name, rows in {"ROWS": self.rows, "BASELINE": [self.baseline]}.items():
            if unknown := [row for row in rows if row not in requests.ROWS]:
                raise InvalidInput.field(name, f"{unknown[0]!r} is none of {', '.join(requests.ROWS)}")
        return tuple(row for row in requests.ROWS if not self.rows or row in self.rows or row == self.baseline)

    @property
    def size(self) -> Size:
        """InvalidInput where it is none."""
        if not 0 < self.scale <= 1:
            raise InvalidInput.field("SCALE", "must be above 0, and 1 at most: the paper's size")
        lm = _object(self.lm)
        if lm is None or not isinstance(lm.get("optimizer", {}), dict):
            raise InvalidInput.field("LM", """must be an object in JSON, such as '{"dropout": 0.4}'""")
        size = Size.of(scale=self.scale, lm_words=self.lm_words, epochs=self.epochs, lm=lm)
        if min(size.domain_small, size.lm_words) < 1:
            option = "SCALE" if self.lm_words is None or self.lm_words > 0 else "LM_WORDS"
            raise InvalidInput.field(option, "must leave a word to learn")
        return size

    @property
    def found(self) -> "Found":
        """Of `settled`. InvalidInput where it isn't what it should be."""
        told = _object(self.settled)
        parts = [told.get(name, {}) for name in ("inputs", "pretrain")] if told is not None else []
        if told is None or not told.keys() <= {"inputs", "pretrain"} or not all(map(_holds_objects, parts)):
            example = """'{"inputs": {"bilstm-lm": {"normalization": "unit", "compression": null}}}'"""
            raise InvalidInput.field("SETTLED", f"must be an object in JSON of inputs and pretrain, such as {example}")
        inputs, pretrain = parts
        if unknown := [row for row in inputs if row not in requests.ROWS]:
            raise InvalidInput.field("SETTLED", f"{unknown[0]!r} is none of {', '.join(requests.ROWS)}")
        return Found(inputs, pretrain)


@dataclass(frozen=True)
class Found:
    """Settings that the paper doesn't name, as an earlier search chose them."""

    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By row."""
    pretrain: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By the kind of job."""

    @property
    def described(self) -> list[str]:
        """A line each."""
        inputs = [f"- {row}: {_told_input(fields)}, as found before" for row, fields in self.inputs.items()]
        kinds = [f"- {kind}: {json.dumps(fields)}, as found before" for kind, fields in self.pretrain.items()]
        return [*inputs, *kinds]


def _object(written: str) -> dict[str, Any] | None:
    try:
        told = json.loads(written)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _holds_objects(part: Any) -> bool:
    return isinstance(part, dict) and all(isinstance(fields, dict) for fields in part.values())


def run(settings: Settings, asked: Asked, *, command: str, console: Console) -> None:
    """Upload, run the rows, write the table and its plot."""
    size, rows, found, output = asked.size, asked.chosen, asked.found, asked.output or settings.home_folder / "results"
    texts = select(asked.data)
    learned, held_out = (sum(text.words(split) for text in texts) for split in ("train", "test"))
    console.print(f"Text: {len(texts)} corpora, {learned:,} words of train, {held_out:,} of test", highlight=False)
    with running_server(settings, console, side_by_side=True) as url:
        study = Study(ApiClient(url, console), output, command)
        for text in texts:
            study.upload(text)
        if asked.curve:
            study.curve(size, seeds=asked.seeds)
            return
        tuned = not asked.untuned
        hours, first = (requests.estimated_hours(size, rows, seeds, tuned=tuned) for seeds in (asked.seeds, 1))
        console.print(
            f"{len(rows)} rows: about {first:.1f} hours for one seed, {hours:.1f} for {asked.seeds}, on two cores. "
            "Ctrl-C stops; the same command goes on.",
            highlight=False,
        )
        study.table(size, rows, seeds=asked.seeds, tuned=tuned, found=found, baseline=asked.baseline)


@dataclass(frozen=True)
class Best:
    """What was found for a setting that the paper doesn't name."""

    fields: Mapping[str, Any]
    tried: int
    """How many were trained to the end, of which it is the best."""


class Study:
    """The experiments of one run of the command, over HTTP."""

    def __init__(self, api: ApiClient, output: Path, command: str) -> None:
        self._api = api
        self._output = output
        self._command = command

    def upload(self, text: SourceText) -> None:
        """Once. InvalidInput where a corpus of that name has other text."""
        upload_once(self._api, text.body(), name=requests.corpus_name(text.name), pipeline=PIPELINE)

    def table(
        self,
        size: Size,
        rows: Sequence[str],
        *,
        seeds: int,
        tuned: bool = True,
        found: Found | None = None,
        baseline: str = requests.BASELINE,
    ) -> None:
        """One seed of every row, what tells most at first; then the other seeds. What `found` has isn't searched."""
        found = found or Found()
        external = self._external_table() if requests.EXTERNAL in rows else None
        searched = [row for row in requests.CANDIDATES if tuned and row in rows and row not in found.inputs]
        first = [row for row in requests.FIRST if row in rows]
        rest = [row for row in rows if row not in (*first, *searched)]
        if first:
            self._begin(requests.preset(size, rows=first, seeds=[1], inputs=found.inputs))
        searches_domains = tuned and not found.pretrain and any(map(requests.by_domains, rows))
        domains = self._domain_settings(size) if searches_domains else None
        settings = domains.fields if domains else found.pretrain
        tries = {row: [self._begin(each) for each in requests.candidates(size, row, settings)] for row in searched}
        posted = partial(requests.preset, size, settings=settings, external_table=external)
        if rest:
            self._begin(posted(rows=rest, seeds=[1], inputs=found.inputs))
        best = {row: self._best_input(row, several) for row, several in tries.items()}
        inputs = {**found.inputs, **{row: each.fields for row, each in best.items() if each}}
        described = [*found.described, *(_described(row, each, _told_input) for row, each in best.items())]
        if searches_domains:
            if domains:
                domains = replace(domains, fields=requests.used(domains.fields, rows))
            described.append(_described(f"domains (of {requests.ON_SMALL})", domains, _told_settings))
        counts = dict.fromkeys((1, seeds))
        whole = partial(posted, rows=rows, inputs=inputs, baseline=baseline)
        begun = [self._begin(whole(seeds=range(1, count + 1))) for count in counts]
        for experiment in begun:
            self._report(self._await(experiment), size, described)

    def _best_input(self, row: str, tries: Sequence[Mapping[str, Any]]) -> Best | None:
        for experiment in tries:
            self._await(experiment)
        return self._best(row, requests.CANDIDATES[row], tries, told=_told_input)

    def _domain_settings(self, size: Size) -> Best | None:
        """Found on the small text of domains, as the paper's, before any row of the large one is made."""
        several = [self._begin(each) for each in requests.domain_settings(size)]
        for experiment in several:
            self._await(experiment)
        return self._best("domains", requests.DOMAIN_SETTINGS, several, told=_told_settings)

    def curve(self, size: Size, *, seeds: int) -> None:
        """What word2vec of the superset brings at several amounts of text to learn."""
        numbers = range(1, seeds + 1)
        sizes = [replace(size, lm_words=words) for words in requests.CURVE_WORDS]
        begun = [self._begin(requests.preset(each, rows=requests.FIRST, seeds=numbers)) for each in sizes]
        title = "What word2vec of the superset brings, by the words to learn"
        answers: list[Any] = []
        rows: list[Figures] = []
        for each, experiment in zip(sizes, begun, strict=True):
            answers.append(self._await(experiment))
            told = figures(answers[-1])
            rows += [row.at(each.lm_words) for row in told]
            self._api.console.print(terminal_table(rows))
            self._write("table1-curve", title, rows, [], {"experiments": answers})
            if gains := gains_of(list(zip(requests.CURVE_WORDS, answers, strict=False))):
                note = f"{_counted(seeds)} each; bars: 95 % intervals, where known"
                self._draw(draw_gains(gains, title=title, note=note), "table1-curve")

    def _external_table(self) -> str:
        spec = requests.external_word2vec()
        submitted(self._api, "/v1/jobs", spec)
        return str(spec["name"])

    def _begin(self, request: Mapping[str, Any]) -> Any:
        return submitted(self._api, "/v1/experiments", request)

    def _await(self, experiment: Mapping[str, Any]) -> Any:
        prepared = {each["job"]: each["name"] for each in experiment["prepared"]}
        self._api.wait(prepared | labelled_jobs(self._api, experiment))
        return self._api.get(f"/v1/experiments/{experiment['id']}")

    def _best(
        self,
        name: str,
        candidates: Sequence[Mapping[str, Any]],
        experiments: Sequence[Mapping[str, Any]],
        *,
        told: Callable[[Mapping[str, Any]], str],
    ) -> Best | None:
        """The candidate with the lowest perplexity of valid; None where all failed. Test text has no say."""
        perplexities = [self._valid_perplexity(experiment) for experiment in experiments]
        written = ("failed" if each is None else f"{each:.2f}" for each in perplexities)
        self._api.console.print(
            f"{name}: perplexities of valid {', '.join(written)} for {', '.join(map(told, candidates))}",
            highlight=False,
        )
        known = {number: each for number, each in enumerate(perplexities) if each is not None}
        return Best(candidates[min(known, key=known.__getitem__)], len(known)) if known else None

    def _valid_perplexity(self, experiment: Mapping[str, Any]) -> float | None:
        jobs = [self._api.get(f"/v1/jobs/{id}") for row in experiment["rows"] for id in row["jobs"]]
        known = [job["metrics"].get("valid_perplexity") for job in jobs if _is_trained(job)]
        return min((float(value) for value in known if value is not None), default=None)

    def _report(self, answer: Mapping[str, Any], size: Size, tuned: Sequence[str]) -> None:
        rows = figures(answer)
        self._api.console.print(terminal_table(rows))
        beside = f"changes are to {answer['baseline']}"
        self._api.console.print(f"In this table {beside}.", highlight=False, markup=False)
        seeds = len(answer["seeds"])
        described = [
            f"- {beside}",
            f"- {size.lm_words:,} words to learn, {_vocabulary(size)}, "
            f"domains of {size.domain_small:,} and {size.domain_large:,} words, {_counted(seeds)}",
            *([f"- every language model: {json.dumps(size.lm)}"] if size.lm else []),
            *tuned,
            f"- experiment {answer['name']}, which has the rest",
        ]
        title = "Table 1 of the paper, and ours"
        self._write("table1", title, rows, [*described, *(f"- {each}" for each in answer["warnings"])], answer)
        note = (
            f"Ours: {size.lm_words:,} words of open text, {_vocabulary(size)}, "
            f"{_counted(seeds)}; bars: 95 % intervals, where known. "
            "The paper's: 10 million words of its own, 25,000."
        )
        heading = "Which pre-trained embeddings help a small language model?"
        self._draw(draw_changes(rows, baseline=answer["baseline"], title=heading, note=note), "table1")

    def _write(
        self, stem: str, title: str, rows: Sequence[Figures], described: Sequence[str], answer: Mapping[str, Any]
    ) -> None:
        made = {
            "date": datetime.now(UTC).date().isoformat(),
            "command": self._command,
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        }
        lines = [*(f"- {name}: {value}" for name, value in made.items()), *described]
        write(self._output, stem, title=title, described=lines, rows=rows, document={**made, "answer": answer})
        self._tell([self._output / f"{stem}.{ending}" for ending in ("md", "csv", "json")])

    def _draw(self, figure: Figure, stem: str) -> None:
        paths = [self._output / f"{stem}.{ending}" for ending in ("png", "svg")]
        for path in paths:
            save(figure, path)
        self._tell(paths)

    def _tell(self, paths: Sequence[Path]) -> None:
        self._api.console.print(f"Written: {', '.join(map(str, paths))}", highlight=False, soft_wrap=True)


def _described(name: str, best: Best | None, told: Callable[[Mapping[str, Any]], str]) -> str:
    if best is None:
        return f"- {name}: the preset's, for every try failed"
    return f"- {name}: {told(best.fields)}, the best of {best.tried} on valid"


def _told_settings(settings: Mapping[str, Mapping[str, Any]]) -> str:
    changed = [f"{name} {value}" for fields in settings.values() for name, value in fields.items()]
    return ", ".join(changed) or "the preset's"


def _told_input(fields: Mapping[str, Any]) -> str:
    compression = f"compression {fields['compression']}" if fields["compression"] else "no compression"
    return f"{fields['normalization']} with {compression}"


def _is_trained(job: Mapping[str, Any]) -> bool:
    return (job["kind"], job["status"]) == ("language_model", "succeeded")


def _vocabulary(size: Size) -> str:
    return f"vocabulary of {size.vocabulary:,}" if size.vocabulary else "vocabulary of any size"


def _counted(seeds: int) -> str:
    return "1 seed" if seeds == 1 else f"{seeds} seeds"
