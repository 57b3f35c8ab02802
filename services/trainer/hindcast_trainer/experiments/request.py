"""What an experiment is asked: rows that differ in how a language model's input was pre-trained."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, JsonValue, ModelWrapValidatorHandler, PrivateAttr, model_validator

from hindcast.registry import Name
from hindcast.web.schemas import RequestSchema
from hindcast_trainer.kinds import JobSpec, TableSpec
from hindcast_trainer.probe import Probe
from hindcast_trainer.topical_probe import AutoProbes

MAX_ROWS = 50
MAX_SEEDS = 20
MAX_MODELS = 200
MAX_PROBES = 50
MAX_PREPARATIONS = 100

Seed = Annotated[int, Field(ge=0, lt=2**31)]


def _fit_for_a_mark(name: str) -> str:
    if "@" in name or name.split() != [name]:
        raise ValueError("must have no @ and no blanks")
    return name


def _one_line(label: str) -> str:
    if not label.strip() or label.splitlines() != [label]:
        raise ValueError("must be one line, and have more than blanks")
    return label


class Preparation(RequestSchema):
    """A job that several rows need, or that makes what their pre-training uses."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=200, json_schema_extra={"pattern": r"^[^@\s]+$"}),
        AfterValidator(_fit_for_a_mark),
    ]
    """What this experiment calls its result: `@name` stands for it wherever a row, or a later preparation, refers to
    domains, a table or a model. The name is no other experiment's business."""
    job: JobSpec


class Row(RequestSchema):
    """One way to pre-train the input of the language model, and what else is different in it."""

    label: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
    """What the table calls it: a line that has more than blanks."""
    pretrain: TableSpec | None = None
    """The job that makes the table. It runs once for all `seeds` of the language model, with its own `seed`."""
    table: str | None = None
    """A table that is there already, or the `@name` of a preparation that makes one, instead of `pretrain`."""
    input: dict[str, JsonValue] = Field(default_factory=dict)
    """Fields of the language model's `input`; `type` and `table` follow where there is `pretrain` or `table`."""
    lm: dict[str, JsonValue] = Field(default_factory=dict)
    """Fields that replace the common ones in `lm`; those of `optimizer` are replaced one by one."""
    paper_perplexity: Annotated[float, Field(gt=0)] | None = None
    """What the paper's Table 1 says of such a row: shown beside the row's own perplexity, and no part of any job."""

    @property
    def has_table(self) -> bool:
        """Whether its `input` is of a table that stands beside it."""
        return self.pretrain is not None or self.table is not None


class WrittenRequest(RequestSchema):
    """A request that remembers how it was written."""

    _written: Any = PrivateAttr(default=None)

    @model_validator(mode="wrap")
    @classmethod
    def _remember_what_was_written(cls, written: Any, validated: ModelWrapValidatorHandler[Self]) -> Self:
        request = validated(written)
        request._written = written
        return request

    @property
    def written(self) -> Any:
        """The JSON that was sent: its fields are what errors name."""
        return self._written


class ExperimentRequest(WrittenRequest):
    """Compare language models that differ in their pre-trained embeddings."""

    name: Name | None = None
    lm: dict[str, JsonValue]
    """What all language models share: fields of a `language_model` job except `seed`. An `input` here is for rows with
    neither `pretrain` nor `table`."""
    prepare: Annotated[tuple[Preparation, ...], Field(max_length=MAX_PREPARATIONS)] = ()
    """Jobs whose results the rows refer to as `@name`; each is run once, when the first row needs it."""
    rows: Annotated[list[Row], Field(min_length=1, max_length=MAX_ROWS)]
    baseline: str | None = None
    """The label of the row that the others are compared with; null: the first that learns its input."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MAX_SEEDS)] = (1,)
    """Each row trains a language model with each of these."""
    probes: Annotated[tuple[Probe, ...], Field(max_length=MAX_PROBES)] | AutoProbes = ()
    """Words whose rank in their context every model is asked for; `{"auto": 1000}` has the test text choose them."""
