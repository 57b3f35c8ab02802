"""Lattices as recognisers write them: a file in; the same file with new scores, or lists of its best paths, out."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from hindcast_scorer.api.bodies import route_where, stored, streamed, workplace_of
from hindcast_scorer.api.list_files import OptionsQuery, warning_headers
from hindcast_scorer.formats.hindcast_jsonl import HindcastJsonl
from hindcast_scorer.lattice_rescoring import LatticeFile, LatticeOptions, LatticeRescoring
from hindcast_scorer.lattices.formats import LATTICE_FORMATS, LatticeFormatName, lattice_format
from hindcast_scorer.models import Models
from hindcast_scorer.rescore import Rescoring
from hindcast_scorer.rescoring.lists import RescoredList
from hindcast_scorer.rescoring.options import Weight

TEXT = "text/plain"
MOST_PATHS = 1_000
_LISTS = HindcastJsonl()


class LatticeQuery(OptionsQuery):
    """The options of rescoring lattices. Weights that aren't stated are those of the lattice's header, else 1 and 0."""

    format: LatticeFormatName | None = None
    """What the body is written in; default: what its Content-Type says."""
    answer: Literal["lattice", "nbest", "best"] = "lattice"
    """lattice: in the format that was sent; nbest, best: JSON lines, best first; best as lines of text, `utterance word
    word`, where the client accepts text/plain."""
    n: Annotated[int, Field(ge=1, le=MOST_PATHS)] = 100
    """Hypotheses of a list, with the answer nbest; they differ in their words."""
    recombination: Annotated[int, Field(ge=0, le=1_000)] = 4
    """Paths at a node go on as one when so many last words are equal; more is slower and nearer to scoring every path
    by itself. An n-gram model's score is that of the path whatever stands here."""
    beam: Annotated[float, Field(ge=0, le=1e12)] | None = None
    """Paths whose totals are further behind the best at a node are given up; default: none."""
    states_per_node: Annotated[int, Field(ge=1, le=10_000)] = 64
    """How many paths go on from a node at most."""
    graph_scale: Weight | None = None
    """Of graph scores: pronunciations, and in Kaldi's lattices the old language model, unless `old_ngram` names it."""

    def lattice_options(self, rescoring: Rescoring) -> LatticeOptions:
        """For the code that scores. InvalidInput; NotFound, NotInstalled for the old model."""
        return LatticeOptions(
            options=self.options,
            weights_given=frozenset(self.model_fields_set),
            graph_scale=self.graph_scale,
            recombination=self.recombination,
            beam=math.inf if self.beam is None else self.beam,
            states_per_node=self.states_per_node,
            old_model=self.old_model(rescoring),
        )


def _is_lattice(format: str | None, content_type: str | None) -> bool:
    if format is not None:
        return format in LATTICE_FORMATS
    return lattice_format(None, content_type) is not None


def lattice_files_router(rescoring: Rescoring, models: Models, *, turn: Any) -> APIRouter:
    """Before the routes of lists, on the same path."""
    routes = APIRouter(route_class=route_where(_is_lattice), dependencies=[turn])
    lattices = LatticeRescoring(rescoring)

    @routes.post("/v1/models/{model}/rescore", include_in_schema=False)
    def rescore_lattices(
        model: str,
        request: Request,
        asked: Annotated[LatticeQuery, Query()],
        folder: Annotated[Path, Depends(workplace_of(models))],
    ) -> StreamingResponse:
        # Read twice: what is wrong on the last line is told before the first is answered.
        form = lattice_format(asked.format, request.headers.get("content-type"))
        assert form is not None, "the route takes no other"
        options = asked.lattice_options(rescoring)
        file = LatticeFile(form, stored(request, folder / "body"), asked.utterance)
        headers = warning_headers(lattices.check(model, file, options))
        if asked.answer == "lattice":
            return streamed(lattices.lattices(model, file, options), form.media_type, headers=headers)
        lists = lattices.lists(model, file, options, count=1 if asked.answer == "best" else asked.n)
        if asked.answer == "best" and TEXT in request.headers.get("accept", ""):
            return streamed((_as_text(each) for each in lists), TEXT, headers=headers)
        return streamed(_LISTS.write(lists, sort=False), _LISTS.media_type, headers=headers)

    return routes


def _as_text(best: RescoredList) -> bytes:
    return f"{best.list.utterance} {best.list.hypotheses[0].text}".rstrip().encode() + b"\n"


def with_lattices(documented: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document of the path with lattices' formats and options beside those of lists."""
    properties: dict[str, dict[str, Any]] = LatticeQuery.model_json_schema()["properties"]
    known = {parameter["name"]: parameter for parameter in documented["parameters"]}
    known["answer"]["schema"] = _either(known["answer"]["schema"], properties["answer"])
    documented["parameters"] += [
        {"name": name, "in": "query", "required": False, "schema": {**field, "title": name}}
        for name, field in properties.items()
        if name not in known
    ]
    binary = {"schema": {"type": "string", "format": "binary"}}
    bodies = {form.media_type: binary for form in LATTICE_FORMATS.values()}
    documented["requestBody"]["content"] = {**documented["requestBody"]["content"], **bodies}
    documented["responses"]["200"]["content"] = {**documented["responses"]["200"]["content"], **bodies}
    return documented


def _either(of_lists: dict[str, Any], of_lattices: dict[str, Any]) -> dict[str, Any]:
    """One parameter for both, whose default is what was sent."""
    values = list(dict.fromkeys([*of_lists["enum"], *of_lattices["enum"]]))
    described = f"Of lists: {of_lists['description']} Of lattices: {of_lattices['description']}"
    shared = {name: value for name, value in of_lists.items() if name != "default"}
    return {**shared, "enum": values, "description": described}
