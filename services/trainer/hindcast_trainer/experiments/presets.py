"""The preset `table-1`: the paper's Table 1 on anybody's text. It becomes an ordinary experiment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, ValidationError

from hindcast.errors import FieldError, InvalidInput
from hindcast.jobs.ports import Transaction
from hindcast.registry import Name
from hindcast.text.corpus import CorpusReference
from hindcast.web.schemas import RequestSchema
from hindcast.web.validation import invalid_input
from hindcast_trainer.experiments import lifecycle
from hindcast_trainer.experiments.document import MARK, Experiment
from hindcast_trainer.experiments.plan import repeated
from hindcast_trainer.experiments.request import MAX_SEEDS, ExperimentRequest, Seed, WrittenRequest
from hindcast_trainer.experiments.table1_rows import EXTERNAL, LANGUAGE_MODEL, ROWS, PresetJob, PresetRow, jobs_of
from hindcast_trainer.train import LanguageModelJob

Fields = dict[str, JsonValue]

ELSEWHERE: Mapping[str, str] = {
    **{role: f"is written as corpora.lm.{role}" for role in ("train", "valid", "test")},
    "input": "is written as inputs, for each row",
}
"""Fields of a language model that `lm` hasn't."""


class LanguageModelCorpora(RequestSchema):
    """The language models' text."""

    train: CorpusReference
    """The text to learn."""
    valid: CorpusReference
    """The text that tells when to stop."""
    test: CorpusReference
    """The text on which the models are compared."""


class PresetCorpora(RequestSchema):
    """The texts of the paper's section 4. Those that no chosen row needs can be left out."""

    lm: LanguageModelCorpora
    superset: CorpusReference | None = None
    """Much more text of the kind that the language models learn (in the paper 500 times as much)."""
    domain_small: CorpusReference | None = None
    """Text whose paragraphs have domains; a part of `domain_large`, in the paper a tenth."""
    domain_large: CorpusReference | None = None


class PresetPretraining(RequestSchema):
    """Fields of every job of a kind, instead of the preset's."""

    domains: Fields = Field(default_factory=dict)
    word2vec: Fields = Field(default_factory=dict)
    bilstm_lm: Fields = Field(default_factory=dict)
    bilstm_domain: Fields = Field(default_factory=dict)


class PresetRequest(WrittenRequest):
    """The paper's Table 1, and rows of our own, on text of yours."""

    preset: Literal["table-1"]
    name: Name | None = None
    corpora: PresetCorpora
    external_table: str | None = None
    """A table of text of another kind, such as the paper's of Google News. Without it that row is left out."""
    rows: Annotated[list[str], Field(min_length=1)] | None = None
    """Which rows, by their keys: `baseline`, `word2vec-superset`, `word2vec-external`, `domain-small-paragraphs`,
    `domain-small-sentences`, `word2vec-domain-large`, `domain-large-paragraphs`, `bilstm-lm`, and those of our own;
    null: all."""
    baseline: str | None = None
    """The key of the row that the others are compared with; null: the first that learns its input."""
    lm: Fields = Field(default_factory=dict)
    """Fields of every language model, instead of the preset's; those of `optimizer` are replaced one by one. What
    one of the rows has as its own (`auxiliary`, `tied`, `history`) can't be given beside it."""
    pretrain: PresetPretraining = PresetPretraining()
    inputs: dict[str, Fields] = Field(default_factory=dict)
    """Fields of the language model's `input` in a row, by its key, instead of the preset's."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MAX_SEEDS)] = (1,)
    probes: JsonValue = Field(default_factory=list)
    """As in every experiment."""


def submit(transaction: Transaction, request: PresetRequest) -> Experiment:
    """See lifecycle.submit. InvalidInput names the fields of the preset's own request."""
    expansion = Expansion.of(request)
    try:
        return lifecycle.submit(transaction, expansion.experiment())
    except InvalidInput as error:
        raise error.renamed(expansion.written_as) from error


@dataclass(frozen=True)
class Expansion:
    """A preset's request on its way to an experiment, which knows where each field comes from."""

    request: PresetRequest
    rows: Sequence[PresetRow]
    jobs: Mapping[str, PresetJob]
    """Those that the rows need, each after what it needs itself."""

    @classmethod
    def of(cls, request: PresetRequest) -> "Expansion":
        """InvalidInput where rows are unknown or lack a text, or fields are none of the preset's."""
        rows = [row for row in ROWS if _chosen(row, request)]
        jobs = jobs_of(rows, dict(request.pretrain))
        wrong = [*_unknown(request), *_elsewhere(request), *_own(request, rows)]
        if wrong := wrong or [*_unused(request, rows, jobs), *_lacking(request, rows, jobs)]:
            raise InvalidInput.fields(list(dict.fromkeys(wrong)))
        return cls(request, rows, jobs)

    def experiment(self) -> ExperimentRequest:
        """The experiment. InvalidInput names the fields of the experiment."""
        request = self.request
        document: dict[str, Any] = {
            "name": request.name,
            "lm": self._language_model(),
            "prepare": [{"name": name, "job": self._job(job)} for name, job in self.jobs.items()],
            "rows": [self._row(row) for row in self.rows],
            "baseline": next((row.label for row in self.rows if row.key == request.baseline), None),
            "seeds": list(request.seeds),
            "probes": request.probes,
        }
        try:
            return ExperimentRequest.model_validate(document)
        except ValidationError as error:
            wrong = invalid_input(error.errors(), ExperimentRequest.model_json_schema())
            raise wrong.renamed(self.written_as) from error

    def written_as(self, field: str) -> str:
        """What a field of the experiment is called in the preset's request."""
        match field.split("."):
            case ["lm", "train" | "valid" | "test" as role, *rest]:
                path = ["corpora", "lm", role, *rest]
            case ["prepare", number, "job", *rest]:
                path = self._job_as_written(list(self.jobs.values())[int(number)], rest)
            case ["rows", number, "input", *rest]:
                path = ["inputs", self.rows[int(number)].key, *rest]
            case ["rows", _, "table", *rest]:
                path = ["external_table", *rest]
            case ["rows", number, *_] if self.request.rows:
                path = ["rows", str(self.request.rows.index(self.rows[int(number)].key))]
            case ["rows", _, *_]:
                path = ["preset"]
            case path:
                pass
        return ".".join(path)

    def _job_as_written(self, job: PresetJob, path: Sequence[str]) -> list[str]:
        first = path[0] if path else ""
        if first == "corpus" and job.corpus:
            return ["corpora", *job.corpus.split("."), *path[1:]]
        if first == "vocabulary" and first not in self._own_fields(job):
            return ["lm", *path]
        return ["pretrain", job.kind, *path]

    def _language_model(self) -> Mapping[str, Any]:
        corpora = self.request.written["corpora"]["lm"]
        own = self.request.lm
        optimizer = own.get("optimizer", {})
        common = LANGUAGE_MODEL["optimizer"]
        merged = {**common, **optimizer} if isinstance(common, dict) and isinstance(optimizer, dict) else optimizer
        return {**LANGUAGE_MODEL, **own, **corpora, "optimizer": merged}

    def _job(self, job: PresetJob) -> Mapping[str, Any]:
        document: dict[str, Any] = {"kind": job.kind, **job.fields}
        if job.corpus:
            document["corpus"] = _corpus(self.request.written, job.corpus)
        if job.kind == "bilstm_lm":  # it has a head over the vocabulary, which is to be no larger than it must
            document["vocabulary"] = self._language_model()["vocabulary"]
        return {**document, **self._own_fields(job)}

    def _own_fields(self, job: PresetJob) -> Fields:
        fields: Mapping[str, Fields] = dict(self.request.pretrain)
        return fields.get(job.kind, {})

    def _row(self, row: PresetRow) -> Mapping[str, Any]:
        document: dict[str, Any] = {
            "label": row.label,
            "input": {**row.input, **self.request.inputs.get(row.key, {})},
            "lm": dict(row.lm),
            "paper_perplexity": row.paper_perplexity,
        }
        if row.table:
            document["table"] = self.request.external_table if row.table == EXTERNAL else MARK + row.table
        return document


def _chosen(row: PresetRow, request: PresetRequest) -> bool:
    if request.rows is not None:
        return row.key in request.rows
    return row.table != EXTERNAL or request.external_table is not None


def _unknown(request: PresetRequest) -> Iterator[FieldError]:
    keys = [row.key for row in ROWS]
    for number, key in enumerate(request.rows or []):
        if key not in keys:
            yield FieldError(f"rows.{number}", f"{key!r} is no row; there are {', '.join(keys)}")
    for number, again in repeated(request.rows or []):
        yield FieldError(f"rows.{number}", f"{again!r} is there already")
    chosen = [row.key for row in ROWS if _chosen(row, request)]
    named = {"baseline": request.baseline} if request.baseline is not None else {}
    for field, key in {**named, **{f"inputs.{key}": key for key in request.inputs}}.items():
        if key not in chosen:
            yield FieldError(field, f"{key!r} is none of the rows that are made: {', '.join(chosen)}")


def _elsewhere(request: PresetRequest) -> Iterator[FieldError]:
    yield from (FieldError(f"lm.{name}", ELSEWHERE[name]) for name in ELSEWHERE if name in request.lm)
    for kind, fields in request.pretrain:
        if "corpus" in fields:
            yield FieldError(f"pretrain.{kind}.corpus", "is written in corpora")


def _own(request: PresetRequest, rows: Sequence[PresetRow]) -> Iterator[FieldError]:
    """Fields of every language model that some rows have as their own, by which they are these rows."""
    for name, value in request.lm.items():
        field = LanguageModelJob.model_fields.get(name)
        others = [row.key for row in rows if name in row.lm and row.lm[name] != value]
        # A default that is written out asks for nothing.
        if others and not (field and field.default == value):
            yield FieldError(
                f"lm.{name}", f"must be left out, or else the rows that have their own: {', '.join(others)}"
            )


def _unused(request: PresetRequest, rows: Sequence[PresetRow], jobs: Mapping[str, PresetJob]) -> Iterator[FieldError]:
    kinds = {job.kind for job in jobs.values()}
    for kind, fields in request.pretrain:
        if fields and kind not in kinds:
            yield FieldError(f"pretrain.{kind}", "must be left out: none of the rows that are made needs such a job")
    if request.external_table is not None and all(row.table != EXTERNAL for row in rows):
        yield FieldError("external_table", "must be left out, or word2vec-external be among `rows`")


def _lacking(request: PresetRequest, rows: Sequence[PresetRow], jobs: Mapping[str, PresetJob]) -> Iterator[FieldError]:
    for job in jobs.values():
        if job.corpus and _corpus(request.written, job.corpus) is None:
            yield FieldError(f"corpora.{job.corpus}", "is required, unless `rows` leaves out all that need it")
    if request.external_table is None and any(row.table == EXTERNAL for row in rows):
        yield FieldError("external_table", "is required for the row word2vec-external")


def _corpus(written: Any, name: str) -> Any:
    """A part of the request's `corpora`, as it was written: errors are to name it so."""
    corpora = written["corpora"]
    return corpora["lm"]["train"] if name == "lm.train" else corpora.get(name)
