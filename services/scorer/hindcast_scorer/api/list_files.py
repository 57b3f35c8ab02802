"""Lists as recognisers write them: a file in, the same file with new scores out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import ConfigDict, Field

from hindcast.errors import FieldError, InvalidInput
from hindcast.web.schemas import Schema
from hindcast_scorer.api.bodies import route_where, stored, streamed, workplace_of
from hindcast_scorer.formats import FORMATS, FormatName, chosen
from hindcast_scorer.formats.base import ListFormat
from hindcast_scorer.lattices.formats import LATTICE_FORMATS, LatticeFormatName
from hindcast_scorer.models import Models
from hindcast_scorer.rescore import TEXTS_LOOKED_AT, Rescoring
from hindcast_scorer.rescoring.lists import NBestList
from hindcast_scorer.rescoring.old_model import OldLanguageModel
from hindcast_scorer.rescoring.options import Interpolation, OovCharge, RescoreOptions, TextOptions, Weight
from hindcast_scorer.rescoring_schemas import MAX_LISTS
from hindcast_scorer.tuning_schemas import CheckAnswer

JSON = "application/json"
WARNING = "Hindcast-Warning"
"""Header of what is to be minded when the scores are read."""
_LINES = FORMATS["jsonl"]
_LATTICES = {form.name: form.media_type for form in LATTICE_FORMATS.values()}


class TextQuery(Schema):
    """How texts are read, for bodies that have no room to say so."""

    model_config = ConfigDict(extra="forbid")

    utterance: Annotated[str, Field(min_length=1, max_length=1_000)] = "body"
    """Id of the utterance, in formats whose files hold one and don't name it."""
    case: Literal["as_is", "lower", "upper"] = "as_is"
    brackets: Literal["kept", "dropped"] = "kept"
    fillers: str = ""
    """Parted by commas."""
    fragments: Literal["kept", "dropped"] = "kept"
    hyphens: Literal["kept", "parted"] = "kept"

    @property
    def text(self) -> TextOptions:
        """The same, as JSON has them."""
        return TextOptions(
            case=self.case,
            brackets=self.brackets,
            fillers=tuple(filler.strip() for filler in self.fillers.split(",") if filler.strip()),
            fragments=self.fragments,
            hyphens=self.hyphens,
        )


class OptionsQuery(TextQuery):
    """The options of rescoring that lists and lattices share."""

    am_scale: Weight = 1.0
    lm_weight: Weight = 1.0
    word_insertion_penalty: Weight = 0.0
    ngram: str | None = None
    """Id or name of an n-gram model to interpolate with."""
    neural_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Of the neural model beside it."""
    interpolation: Literal["linear", "log_linear"] = "linear"
    old_ngram: str | None = None
    """Id or name of the n-gram model that the recogniser used, to be taken out of Kaldi's graph costs (of lattices,
    or in `lmwt`): what they hold of pronunciations and transitions stays, and the new score is added."""
    old_lm_scale: Weight = 1.0
    """By which the old model's log-probabilities were multiplied in them."""
    oov_penalty: Annotated[float, Field(ge=-1e6, le=1e6)] | None = None
    oov_spread: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    context: Annotated[str, Field(max_length=10_000)] = ""
    session: str | None = None
    sum: Literal["exact", "skipped"] = "exact"

    @property
    def options(self) -> RescoreOptions:
        """The same, as JSON has them. InvalidInput."""
        if self.ngram is None and (given := self.model_fields_set & {"neural_weight", "interpolation"}):
            raise InvalidInput.fields([FieldError(name, "must come with ngram") for name in sorted(given)])
        return RescoreOptions(
            am_scale=self.am_scale,
            lm_weight=self.lm_weight,
            word_insertion_penalty=self.word_insertion_penalty,
            interpolation=None
            if self.ngram is None
            else Interpolation(ngram=self.ngram, weight=self.neural_weight, mode=self.interpolation),
            oov=self._oov,
            text=self.text,
            context=self.context,
            session=self.session,
            sum=self.sum,
        )

    def old_model(self, rescoring: Rescoring) -> OldLanguageModel | None:
        """What is to be taken out of scores. InvalidInput, NotFound, NotInstalled."""
        if self.old_ngram is None:
            if "old_lm_scale" in self.model_fields_set:
                raise InvalidInput.field("old_lm_scale", "must come with old_ngram, the model whose scale it is")
            return None
        return rescoring.old_model(self.old_ngram, scale=self.old_lm_scale, field="old_ngram")

    @property
    def _oov(self) -> Literal["unknown"] | OovCharge:
        if self.oov_penalty is None and self.oov_spread is None:
            return "unknown"
        if self.oov_penalty is not None and self.oov_spread is not None:
            wrong = "must not stand there with the other of oov_penalty and oov_spread"
            raise InvalidInput.fields([FieldError(name, wrong) for name in ("oov_penalty", "oov_spread")])
        return OovCharge(penalty=self.oov_penalty, spread=self.oov_spread)


class FileQuery(OptionsQuery):
    """The options of rescoring lists."""

    format: Literal[FormatName, LatticeFormatName] | None = None
    """What the body is written in; default: what its Content-Type says. (Lattices are taken by an endpoint before.)"""
    tokens: bool = False
    """In JSON lines alone: other formats have no place for them."""
    order: Literal["kept", "sorted"] = "kept"
    answer: Literal["file", "nbest"] = "file"
    """file: in the format that was sent; nbest: JSON lines, every component of each score told."""

    @property
    def options(self) -> RescoreOptions:
        """The same, as JSON has them. InvalidInput."""
        return super().options.model_copy(update={"tokens": self.tokens, "order": self.order})


class CheckQuery(TextQuery):
    """How lists are checked."""

    format: FormatName | None = None
    """What the body is written in; default: what its Content-Type says."""
    model: str | None = None
    """By whose vocabulary words are looked up; without it, that isn't checked."""
    most_oov: Annotated[float, Field(ge=0, le=100)] = 10.0
    """Percent of the words that may be unknown before it is told of."""


def _is_file(format: str | None, content_type: str | None) -> bool:
    """JSON is left to the route whose schema tells what it is made of."""
    if format is not None:
        return format != "json"
    return not (content_type or JSON).lower().startswith(JSON)


def list_files_router(rescoring: Rescoring, models: Models, *, turn: Any) -> APIRouter:
    """Before the JSON route, on the same path."""
    routes = APIRouter(route_class=route_where(_is_file), dependencies=[turn])

    @routes.post("/v1/models/{model}/rescore", include_in_schema=False)
    def rescore_file(
        model: str,
        request: Request,
        asked: Annotated[FileQuery, Query()],
        folder: Annotated[Path, Depends(workplace_of(models))],
    ) -> StreamingResponse:
        # Read twice: what is wrong on the last line is told before the first is answered.
        form = chosen(asked.format, request.headers.get("content-type"), besides=_LATTICES)
        options = asked.options
        sent = _SentLists(
            form, stored(request, folder / "body"), asked.utterance, _taken_out(form, asked.old_model(rescoring))
        )
        texts = (hypothesis.text for each in sent.read() for hypothesis in each.hypotheses)
        looked_at = list(islice(texts, TEXTS_LOOKED_AT))
        for _ in texts:
            pass
        warnings = [*_scores_warnings(form, options), rescoring.strange(model, looked_at, options)]
        written = _LINES if asked.answer == "nbest" else form
        answer = written.write(rescoring.rescore(model, sent.read(), options), sort=options.order == "sorted")
        return streamed(answer, written.media_type, headers=warning_headers(warnings))

    @routes.post("/v1/rescore/check", include_in_schema=False)
    def check_file(
        request: Request,
        asked: Annotated[CheckQuery, Query()],
        folder: Annotated[Path, Depends(workplace_of(models))],
    ) -> CheckAnswer:
        form = chosen(asked.format, request.headers.get("content-type"))
        lists = _SentLists(form, stored(request, folder / "body"), asked.utterance, None).read()
        looked_at = list(islice(lists, MAX_LISTS))
        for _ in lists:  # what is wrong further on is told all the same
            pass
        return rescoring.check(looked_at, model=asked.model, text=asked.text, most_oov=asked.most_oov)

    return routes


@dataclass(frozen=True)
class _SentLists:
    form: ListFormat
    file: Path
    utterance: str
    old_model: OldLanguageModel | None

    def read(self) -> Iterator[NBestList]:
        """InvalidInput for whatever is wrong, once it is come to."""
        with self.file.open("rb") as body:
            for each in self.form.read(body, name=self.utterance):
                yield each if self.old_model is None else self.old_model.taken_out(each)


def _taken_out(form: ListFormat, old_model: OldLanguageModel | None) -> OldLanguageModel | None:
    """InvalidInput for a format whose scores don't hold an old model's and more."""
    if old_model is not None and form.scores != "graph":
        raise InvalidInput.field(
            "old_ngram",
            f"must be absent with {form.name}: kaldi and kaldi-lattice alone have costs that hold the old model's and "
            "those of pronunciations as one",
        )
    return old_model


def warning_headers(warnings: Iterable[str | None]) -> dict[str, str]:
    """One header for all that is to be minded, none where that's nothing."""
    told = "; ".join(warning for warning in warnings if warning)
    return {WARNING: told} if told else {}


def _scores_warnings(form: ListFormat, options: RescoreOptions) -> Iterator[str]:
    if form.scores == "combined" and options.am_scale:
        yield (
            "this format has one score, which may hold the recogniser's own language model: it counts as am_score, "
            "and ours is added"
        )


def file_bodies() -> dict[str, Any]:
    """For the OpenAPI document of the JSON route: the other bodies and answers that the path has."""
    bodies = _bodies()
    return {
        "parameters": _parameters(FileQuery),
        "requestBody": {"content": bodies},
        "responses": {"200": {"content": bodies}},
    }


def checked_bodies() -> dict[str, Any]:
    """The same of the check, which answers in JSON alone."""
    return {"parameters": _parameters(CheckQuery), "requestBody": {"content": _bodies()}}


def _bodies() -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {form.media_type: binary for form in FORMATS.values()}


def _parameters(query: type[TextQuery]) -> list[dict[str, Any]]:
    properties = cast(dict[str, dict[str, Any]], query.model_json_schema()["properties"])
    return [
        {"name": name, "in": "query", "required": False, "schema": {**field, "title": name}}
        for name, field in properties.items()
    ]
