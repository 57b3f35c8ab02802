"""The HTTP edge of rescoring: lists, conversations."""

from enum import Enum
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from hindcast_scorer import tune
from hindcast_scorer.api.lattice_files import lattice_files_router, with_lattices
from hindcast_scorer.api.list_files import checked_bodies, file_bodies, list_files_router
from hindcast_scorer.models import Models
from hindcast_scorer.rescore import Rescoring
from hindcast_scorer.rescoring_schemas import (
    CommitRequest,
    RescoreAnswer,
    RescoreRequest,
    SessionAnswer,
    SessionRequest,
)
from hindcast_scorer.tuning_schemas import CheckAnswer, CheckRequest, TuneAnswer, TuneRequest

TAGS: list[str | Enum] = ["rescoring"]


def rescoring_routers(rescoring: Rescoring, models: Models, *, turn: Any) -> list[APIRouter]:
    """`turn` is what every endpoint that computes depends on."""
    return [
        lattice_files_router(rescoring, models, turn=turn),
        list_files_router(rescoring, models, turn=turn),
        _lists(rescoring, turn=turn),
        _sessions(rescoring, turn=turn),
    ]


def _lists(rescoring: Rescoring, *, turn: Any) -> APIRouter:
    routes = APIRouter(tags=TAGS, dependencies=[turn])

    @routes.post("/v1/models/{model}/rescore", response_model=RescoreAnswer, openapi_extra=with_lattices(file_bodies()))
    def rescore_lists(
        model: str, asked: RescoreRequest, format: Annotated[Literal["json"] | None, Query()] = None
    ) -> Response:
        """Score the hypotheses of a recogniser, every component of the score visible. As JSON, or as a file in one of
        the formats that recognisers write, named by its Content-Type or by `format`: it comes back in the same format,
        and options are query parameters. Lattices come so too: what is answered of them, `answer` says."""
        # Checked once, by the schema that it is made of: FastAPI would check every number of it again.
        answer = rescoring.answer(model, asked)
        return Response(answer.model_dump_json(), media_type="application/json")

    @routes.post("/v1/models/{model}/rescore/tune")
    def tune_weights(model: str, asked: TuneRequest) -> TuneAnswer:
        """Weights with the fewest word errors on lists whose references are known, and what they are worth."""
        return tune.tune_weights(rescoring, model, asked)

    @routes.post("/v1/rescore/check", openapi_extra=checked_bodies())
    def check_lists(
        asked: CheckRequest, format: Annotated[Literal["json"] | None, Query(include_in_schema=False)] = None
    ) -> CheckAnswer:
        """What is likely wrong with lists, before they are scored. As JSON, or as a file in one of the formats that
        recognisers write, named by its Content-Type or by `format`; options are query parameters then."""
        lists = [each.as_list() for each in asked.lists]
        return rescoring.check(lists, model=asked.model, text=asked.options.text, most_oov=asked.most_oov)

    return routes


def _sessions(rescoring: Rescoring, *, turn: Any) -> APIRouter:
    routes = APIRouter(prefix="/v1/models/{model}/sessions", tags=TAGS, dependencies=[turn])

    @routes.post("", status_code=201)
    def begin_session(model: str, asked: SessionRequest, response: Response) -> SessionAnswer:
        """Begin a conversation: what was said in one utterance is known in the next. Name its id as `options.session`
        of a rescoring. It lives in the memory of this service, and ends when nobody has used it for a while."""
        session = rescoring.begin_session(model, asked)
        response.headers["Location"] = f"/v1/models/{model}/sessions/{session.id}"
        return session

    @routes.get("/{session}")
    def get_session(model: str, session: str) -> SessionAnswer:
        """What a conversation has come to; 410 when it has ended."""
        return rescoring.get_session(model, session)

    @routes.post("/{session}/commit")
    def commit_utterance(model: str, session: str, asked: CommitRequest) -> SessionAnswer:
        """Have it hear an utterance that the client chose itself."""
        return rescoring.commit(model, session, asked)

    @routes.post("/{session}/reset")
    def reset_session(model: str, session: str) -> SessionAnswer:
        """Go back to where it began."""
        return rescoring.reset_session(model, session)

    @routes.delete("/{session}", status_code=204)
    def end_session(model: str, session: str) -> None:
        """End it."""
        rescoring.end_session(model, session)

    return routes
