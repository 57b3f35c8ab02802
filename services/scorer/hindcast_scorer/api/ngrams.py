"""The HTTP edge of n-gram models."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from hindcast.registry import Name
from hindcast.web.resumable import RESUMABLE
from hindcast.web.schemas import PageOf, PageQuery
from hindcast.web.uploads import uploaded
from hindcast_scorer.ngram_models import NgramModels
from hindcast_scorer.schemas import NgramCard

_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_UPLOAD = {"requestBody": {"required": True, "content": {"text/plain": _BINARY, "application/octet-stream": _BINARY}}}


def ngrams_router(ngrams: NgramModels) -> APIRouter:
    """/v1/ngrams."""
    routes = APIRouter(prefix="/v1/ngrams", tags=["n-grams"])

    @routes.post("", status_code=201, openapi_extra=_UPLOAD | RESUMABLE)
    def import_ngram(
        request: Request,
        response: Response,
        name: Annotated[Name | None, Query(description="What to call it.")] = None,
    ) -> NgramCard:
        """Take in an n-gram model, for `options.interpolation` of a rescoring. The body is an ARPA file or a KenLM
        binary, streamed; Content-Encoding gzip is unpacked. 501 where the package kenlm isn't installed. A binary is
        tried before it is taken, but one that was made to do harm can do it: take ARPA files from strangers."""
        with uploaded(request) as file:
            card = NgramCard.of(ngrams.add(file, name=name))
        response.headers["Location"] = f"/v1/ngrams/{card.id}"
        return card

    @routes.get("")
    def list_ngrams(page: PageQuery, name: str | None = None) -> PageOf[NgramCard]:
        """The n-gram models that can be used, newest first."""
        found, cursor = ngrams.list(page, name=name)
        return PageOf(items=[NgramCard.of(ngram) for ngram in found], next_cursor=cursor)

    @routes.get("/{ngram}")
    def get_ngram(ngram: str) -> NgramCard:
        """One n-gram model, by id or name."""
        return NgramCard.of(ngrams.get(ngram))

    @routes.delete("/{ngram}", status_code=204)
    def delete_ngram(ngram: str) -> None:
        """Delete an n-gram model."""
        ngrams.delete(ngram)

    return routes
