"""The scorer's HTTP edge."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse

from hindcast.registry import Name
from hindcast.text.pipeline import PipelineName
from hindcast.web.negotiation import preferred
from hindcast.web.resumable import RESUMABLE
from hindcast.web.schemas import PageOf, PageQuery
from hindcast.web.uploads import uploaded
from hindcast_scorer import answers
from hindcast_scorer.api.bodies import workplace_of
from hindcast_scorer.api.ngrams import ngrams_router
from hindcast_scorer.api.rescoring import rescoring_routers
from hindcast_scorer.api.streaming import streaming_router
from hindcast_scorer.batching import Batching
from hindcast_scorer.models import Models
from hindcast_scorer.ngram_models import NgramModels
from hindcast_scorer.rescore import Rescoring
from hindcast_scorer.schemas import (
    ModelCard,
    NextAnswer,
    NextRequest,
    PerplexityAnswer,
    PerplexityRequest,
    RankAnswer,
    RankManyAnswer,
    RankManyRequest,
    RankRequest,
)
from hindcast_scorer.sessions import Sessions
from hindcast_scorer.srilm_text import MEDIA_TYPE as SRILM_TEXT
from hindcast_scorer.streams import Streams

ZIP = "application/zip"
RESCORINGS_PER_SLOT = 12


async def _slot() -> AsyncIterator[None]:
    """Held while an endpoint computes; how many there are is said where it is depended on."""
    yield


def routers(
    models: Models,
    ngrams: NgramModels,
    *,
    slots: int,
    sessions: Sessions | None = None,
    streams: Streams | None = None,
) -> list[APIRouter]:
    """The scorer's paths, in the order in which they are tried: what recognisers wait for comes first. They are one
    level deep, for each level of routers is matched twice.

    Of the long computations, and of the short ones, no more than `slots` run at a time: a question for one word never
    waits behind a corpus. Rescorings that wait for one another's slots are scored together when it is their turn, so
    more of them are let in."""
    # Not `sessions or …`: one that holds none yet is empty, and so is false.
    sessions = Sessions() if sessions is None else sessions
    rescoring = Rescoring(models, sessions, Batching(slots=slots), ngrams)
    turn = Depends(_slot, scope="function", max_concurrency=RESCORINGS_PER_SLOT * slots)
    return [
        *rescoring_routers(rescoring, models, turn=turn),
        _scoring(models, slots=slots),
        streaming_router(Streams(models) if streams is None else streams, slots=slots),
        _registry(models),
        ngrams_router(ngrams),
    ]


def _registry(models: Models) -> APIRouter:
    routes = APIRouter(tags=["models"])

    @routes.get("/v1/models")
    def list_models(
        page: PageQuery, pipeline: PipelineName | None = None, name: str | None = None
    ) -> PageOf[ModelCard]:
        """The models that can be asked, newest first."""
        found, cursor = models.list(page, pipeline=pipeline, name=name)
        return PageOf(items=[ModelCard.of(model) for model in found], next_cursor=cursor)

    @routes.get("/v1/models/{model}")
    def get_model(model: str) -> ModelCard:
        """What there is to know of one model."""
        return ModelCard.of(models.get(model))

    @routes.delete("/v1/models/{model}", status_code=204)
    def delete_model(model: str) -> None:
        """Delete a model; 409 while a job needs it."""
        models.delete(model)

    @routes.get("/v1/models/{model}/bundle", response_class=FileResponse, responses={200: {"content": {ZIP: {}}}})
    def export_model(model: str, folder: Annotated[Path, Depends(workplace_of(models))]) -> FileResponse:
        """The whole model as one file, a zip archive that `POST /v1/models` takes."""
        found = models.get(model)
        file = models.pack(found, folder)
        return FileResponse(file, media_type=ZIP, filename=f"{found.name or found.id}.zip")

    @routes.post("/v1/models", status_code=201, openapi_extra=_body(ZIP) | RESUMABLE)
    def import_model(
        request: Request,
        response: Response,
        name: Annotated[Name | None, Query(description="What to call it.")] = None,
    ) -> ModelCard:
        """Take in a model from the file that another Hindcast gave; the body is the file."""
        with uploaded(request) as body:
            card = ModelCard.of(models.add(body, name=name))
        response.headers["Location"] = f"/v1/models/{card.id}"
        return card

    return routes


def _scoring(models: Models, *, slots: int) -> APIRouter:
    routes = APIRouter(tags=["scoring"])
    # A request that waits for its turn holds no thread.
    short = Depends(_slot, scope="function", max_concurrency=slots)
    long = Depends(_slot, scope="function", max_concurrency=slots)

    @routes.post(
        "/v1/models/{model}/perplexity",
        dependencies=[long],
        response_model=PerplexityAnswer,
        responses={200: {"content": {SRILM_TEXT: {"schema": {"type": "string"}}}}},
    )
    def score_text(model: str, asked: PerplexityRequest, request: Request) -> PerplexityAnswer | Response:
        """How well a model predicts texts, or a stored corpus. With `Accept: text/x-srilm-debug2` as SRILM's
        `ngram -ppl -debug 2` writes it, for `compute-best-mix` and the like; JSON otherwise. `top` costs some passes
        over the vocabulary for each token, beyond the product with it that each costs anyway, and is exact."""
        if preferred(request.headers.get("accept"), ["application/json", SRILM_TEXT]) == SRILM_TEXT:
            return Response(answers.perplexity_as_srilm(models, model, asked), media_type=SRILM_TEXT)
        return answers.perplexity(models, model, asked)

    @routes.post("/v1/models/{model}/next", dependencies=[short])
    def predict(model: str, asked: NextRequest) -> NextAnswer:
        """The most probable next words after a context."""
        return answers.next_words(models, model, asked)

    @routes.post("/v1/models/{model}/rank", dependencies=[short])
    def rank(model: str, asked: RankRequest) -> RankAnswer:
        """Where words stand among all that could follow a context."""
        return answers.rank(models, model, asked)

    @routes.post("/v1/rank", dependencies=[short])
    def rank_by_many(asked: RankManyRequest) -> RankManyAnswer:
        """Where words stand by each of several models."""
        return answers.rank_by_many(models, asked)

    return routes


def _body(media_type: str) -> dict[str, object]:
    schema = {"type": "string", "format": "binary"}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}
