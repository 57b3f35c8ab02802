"""From an experiment's rows to the specifications of their jobs, each checked as if it were posted alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import ValidationError

from hindcast.errors import FieldError, InvalidInput
from hindcast.web.validation import invalid_input
from hindcast_trainer.experiments.request import MAX_MODELS, ExperimentRequest, Row
from hindcast_trainer.references import Spec, as_written
from hindcast_trainer.topical_probe import AutoProbes
from hindcast_trainer.train import LanguageModelJob

PENDING = "to be pre-trained"
"""Stands for a table until the job that makes it is queued."""

GIVEN: Mapping[str, str] = {
    "kind": "is no field here: it is always language_model",
    "name": "is no field here: one specification makes several models",
    "seed": "is no field here: `seeds` has it",
}
"""What an experiment says itself of every language model."""


@dataclass(frozen=True)
class RowPlan:
    """What one row runs."""

    pretrain: Spec | None
    language_models: Sequence[LanguageModelJob]
    """One for each seed. Where there is `pretrain`, their table is PENDING."""

    @property
    def learns_input(self) -> bool:
        """Whether the language models begin from nothing: neither on a table nor from another model."""
        first = self.language_models[0]
        return first.input.type == "learned" and first.init_from is None


def plan(request: ExperimentRequest) -> list[RowPlan]:
    """What each row runs; InvalidInput with every field that is wrong."""
    wrong = list(_contradictions(request))
    plans = []
    for number, row in enumerate(request.rows):
        models = []
        for place, seed in enumerate(request.seeds):
            try:
                models.append(_language_model(request, row, seed))
            except InvalidInput as error:
                wrong += error.renamed(partial(field_of, request=request, row=number, seed=place)).errors
        plans.append(RowPlan(row.pretrain, models))
        if isinstance(request.probes, AutoProbes) and any(not (each.test or each.valid) for each in models):
            wrong.append(FieldError("probes.auto", f"has no text to choose words from: {row.label!r} has no test text"))
    if wrong:
        raise InvalidInput.fields(list(dict.fromkeys(wrong)))
    return plans


def field_of(field: str, request: ExperimentRequest, row: int, seed: int) -> str:
    """Where in the request a field of a row's language model was written: its `train` is `rows.2.lm.train`, or
    `lm.train` if the row says nothing of it."""
    asked = request.rows[row]
    first = field.split(".")[0]
    if first == "seed":
        path = f"seeds.{seed}"
    elif field == "input.table" and asked.table is not None:
        path = f"rows.{row}.table"
    elif first == "input" and (asked.has_table or asked.input):
        path = f"rows.{row}.{field}"
    elif _says(asked, field):
        path = f"rows.{row}.lm.{field}"
    else:
        path = f"lm.{field}"
    return as_written(path, request.written)


def _language_model(request: ExperimentRequest, row: Row, seed: int) -> LanguageModelJob:
    document = {**request.lm, **row.lm, "kind": "language_model", "seed": seed}
    common, own = request.lm.get("optimizer"), row.lm.get("optimizer")
    if isinstance(common, dict) and isinstance(own, dict):
        document["optimizer"] = {**common, **own}
    if row.has_table:
        document["input"] = {**row.input, "type": "table", "table": row.table or PENDING}
    elif row.input:
        document["input"] = row.input
    try:
        return LanguageModelJob.model_validate(document)
    except ValidationError as error:
        schema = LanguageModelJob.model_json_schema()
        # Messages offer known fields: not those that an experiment says itself.
        schema["properties"] = {name: each for name, each in schema["properties"].items() if name not in GIVEN}
        raise invalid_input(error.errors(), schema) from error


def _says(row: Row, field: str) -> bool:
    """Whether the row's own `lm` has that field."""
    first, _, second = field.partition(".")
    inner = row.lm.get(first)
    if first == "optimizer" and isinstance(inner, dict):
        return second in inner
    return first in row.lm


def _contradictions(request: ExperimentRequest) -> Iterator[FieldError]:
    """What no single field shows."""
    yield from _in_lists(request)
    for number in range(len(request.rows)):
        yield from _in_row(request, number)


def _in_lists(request: ExperimentRequest) -> Iterator[FieldError]:
    """What is there twice, and what does not belong into `lm`."""
    labels = [row.label for row in request.rows]
    for number, label in repeated(labels):
        yield FieldError(f"rows.{number}.label", f"{label!r} is another row's: labels tell rows apart")
    if request.baseline is not None and request.baseline not in labels:
        yield FieldError("baseline", f"{request.baseline!r} is no row's label; there are {', '.join(labels)}")
    for number, name in repeated([preparation.name for preparation in request.prepare]):
        yield FieldError(f"prepare.{number}.name", f"{name!r} is another's: names tell preparations apart")
    for number, seed in repeated(request.seeds):
        yield FieldError(f"seeds.{number}", f"{seed} is there already")
    if len(request.rows) * len(request.seeds) > MAX_MODELS:
        yield FieldError("rows", f"times seeds are more than {MAX_MODELS} language models: make it two experiments")
    for name in GIVEN.keys() & request.lm.keys():
        yield FieldError(f"lm.{name}", GIVEN[name])


def repeated(values: Sequence[object]) -> Iterator[tuple[int, object]]:
    """What has stood there before, and at which places it stands again."""
    return ((number, value) for number, value in enumerate(values) if value in values[:number])


def _in_row(request: ExperimentRequest, number: int) -> Iterator[FieldError]:
    row, field = request.rows[number], f"rows.{number}"
    for name in GIVEN.keys() & row.lm.keys():
        yield FieldError(f"{field}.lm.{name}", GIVEN[name])
    if "input" in row.lm:
        yield FieldError(f"{field}.lm.input", f"is written as {field}.input")
    if row.pretrain is not None and row.table is not None:
        yield FieldError(f"{field}.table", "must not stand beside `pretrain`, which makes one")
    if row.has_table and "table" in row.input:
        yield FieldError(f"{field}.input.table", "is no field here: `pretrain` or `table` has it")
    if row.has_table and row.input.get("type", "table") != "table":
        yield FieldError(f"{field}.input.type", "must be table, where there is `pretrain` or `table`")
