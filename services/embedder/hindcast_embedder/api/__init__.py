"""The embedder's HTTP edge."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Annotated, Any
from urllib.parse import quote

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from safetensors.numpy import save

from hindcast.errors import FieldError, InvalidInput, NotFound
from hindcast.nn.embedding_table import EmbeddingTable, TableKind, Vectors
from hindcast.registry import Name
from hindcast.text.corpus import Corpus, CorpusReference, Text
from hindcast.text.pipeline import END
from hindcast.web.negotiation import preferred
from hindcast.web.resumable import RESUMABLE
from hindcast.web.schemas import PageOf, PageQuery
from hindcast.web.uploads import uploaded
from hindcast_embedder.api.geometry import add_geometry
from hindcast_embedder.coverage import coverage
from hindcast_embedder.formats import FORMATS, FormatName
from hindcast_embedder.neighbors import unit
from hindcast_embedder.schemas import (
    SHOWN_MISSING,
    CoverageAnswer,
    CoverageRequest,
    NeighborsAnswer,
    NeighborsRequest,
    TableCard,
    VectorsAnswer,
    VectorsRequest,
)
from hindcast_embedder.tables import OpenTable, Tables

JSON, TENSORS, ROWS = "application/json", "application/x-safetensors", "application/octet-stream"

_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_VECTORS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "JSON; or a safetensors file with `vectors` (float32, zeros where unknown), `found` (uint8) and "
        "`mean` (float32, the mean row of the whole table, normalised); or the rows alone (little-endian float32, NaN "
        "where unknown).",
        "content": {TENSORS: _BINARY, ROWS: _BINARY},
    }
}
_UPLOAD = {"requestBody": {"required": True, "content": {ROWS: _BINARY}}}
_EXPORT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {form.media_type: _BINARY for form in FORMATS.values()}}
}


def router(tables: Tables) -> APIRouter:
    """/v1/tables."""
    api = APIRouter(prefix="/v1/tables", tags=["tables"])
    _add_tables(api, tables)
    _add_questions(api, tables)
    add_geometry(api, tables)
    return api


def _add_tables(api: APIRouter, tables: Tables) -> None:
    @api.post("", status_code=201, openapi_extra=_UPLOAD | RESUMABLE)
    def import_table(
        request: Request,
        response: Response,
        format: FormatName,
        name: Annotated[Name | None, Query()] = None,
    ) -> TableCard:
        """Import a table. The body is the file, streamed; Content-Encoding gzip is unpacked."""
        with uploaded(request) as file:
            resource = tables.add(file, format=format, name=name)
        response.headers["Location"] = f"/v1/tables/{resource.id}"
        return TableCard.of(resource)

    @api.get("")
    def list_tables(
        page: PageQuery,
        kind: Annotated[TableKind | None, Query(description="Of the job that made it, or `import`.")] = None,
        name: str | None = None,
    ) -> PageOf[TableCard]:
        """Tables that can be read, newest first."""
        resources, cursor = tables.list(page, kind=kind, name=name)
        return PageOf[TableCard](items=[TableCard.of(resource) for resource in resources], next_cursor=cursor)

    @api.get("/{table}")
    def get_table(table: str) -> TableCard:
        """One table, by id or name."""
        return TableCard.of(tables.get(table))

    @api.delete("/{table}", status_code=204)
    def delete_table(table: str) -> None:
        """Delete a table; 409 while a job needs it."""
        tables.delete(table)

    @api.get("/{table}/export", response_class=StreamingResponse, responses=_EXPORT)
    def export_table(table: str, format: FormatName) -> StreamingResponse:
        """The table as a file, which can be imported again. Others read word2vec's formats too; safetensors holds the
        tensor `vectors` [words, size] and, in its metadata under `words`, a JSON list of the words."""
        form = FORMATS[format]
        pieces = form.write(tables.open(table).table)
        # The first piece is made here, where it can still fail with a problem.
        whole = chain([next(pieces)], pieces)
        filename = quote(f"{tables.get(table).name or table}{form.suffix}")
        disposition = {"Content-Disposition": f"attachment; filename*=UTF-8''{filename}"}
        return StreamingResponse(whole, media_type=form.media_type, headers=disposition)


def _add_questions(api: APIRouter, tables: Tables) -> None:
    @api.post("/{table}/vectors", response_model=VectorsAnswer, responses=_VECTORS)
    def vectors(table: str, asked: VectorsRequest, request: Request) -> Response:
        """Vectors of words, normalised if asked: as JSON, as tensors or as rows, by Accept."""
        media_type = preferred(request.headers.get("accept"), [JSON, TENSORS, ROWS])
        opened = tables.open(table)
        return Response(_VECTORS_AS[media_type](opened, asked), media_type=media_type, headers={"Vary": "Accept"})

    @api.post("/{table}/coverage")
    def cover(table: str, asked: CoverageRequest) -> CoverageAnswer:
        """How much of some words, of a model's vocabulary or of a corpus the table has, by types and by tokens."""
        return _covered(tables, tables.open(table).table, asked)

    @api.post("/{table}/neighbors")
    def neighbors(table: str, asked: NeighborsRequest) -> NeighborsAnswer:
        """The words nearest by cosine, exactly."""
        return _neighbors(tables.open(table), asked)


def _as_json(opened: OpenTable, asked: VectorsRequest) -> bytes:
    vectors, found = opened.rows(asked.words, asked.normalization)
    rows = [row if there else None for row, there in zip(vectors.tolist(), found.tolist(), strict=True)]
    return json.dumps({"vectors": rows, "found": found.tolist()}, separators=(",", ":")).encode()


def _as_tensors(opened: OpenTable, asked: VectorsRequest) -> bytes:
    vectors, found = opened.rows(asked.words, asked.normalization)
    mean = opened.normalizer(asked.normalization).mean_row
    return save({"vectors": vectors, "found": found.astype(np.uint8), "mean": mean})


def _as_rows(opened: OpenTable, asked: VectorsRequest) -> bytes:
    vectors, found = opened.rows(asked.words, asked.normalization)
    vectors[~found] = np.nan
    return vectors.astype("<f4").tobytes()


_VECTORS_AS = {JSON: _as_json, TENSORS: _as_tensors, ROWS: _as_rows}


def _covered(tables: Tables, table: EmbeddingTable, asked: CoverageRequest) -> CoverageAnswer:
    counted = isinstance(asked.words, dict) or asked.corpus is not None
    result = coverage(table, _counts(tables, asked), show=SHOWN_MISSING)
    return CoverageAnswer(
        types=result.types,
        found=result.found,
        coverage=result.found / result.types if result.types else None,
        tokens=result.tokens if counted else None,
        found_tokens=result.found_tokens if counted else None,
        token_coverage=result.found_tokens / result.tokens if counted and result.tokens else None,
        missing=result.missing,
    )


def _counts(tables: Tables, asked: CoverageRequest) -> Mapping[str, int]:
    """The words that are asked about: those that occur most first, or in the order sent and once each."""
    if asked.vocabulary_of is not None:
        with _naming("vocabulary_of"):
            return dict.fromkeys(tables.vocabulary(asked.vocabulary_of), 1)
    if asked.corpus is not None:
        counts = _text(tables, asked.corpus).counts()
        counts.pop(END, None)
    elif isinstance(asked.words, dict):
        counts = asked.words
    else:
        return dict.fromkeys(asked.words or [], 1)
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _text(tables: Tables, reference: CorpusReference) -> Text:
    def opened(id: str) -> Corpus:
        with _naming(f"corpus.corpora.{reference.corpora.index(id)}"):
            return tables.corpus(id)

    return Text.resolve(reference, opened)


@contextmanager
def _naming(field: str) -> Iterator[None]:
    """What isn't found is what this field of the request names: else it could be the table in the path."""
    try:
        yield
    except NotFound as error:
        raise NotFound(f"{field}: {error.detail}", errors=[FieldError(field, error.detail)]) from error


def _neighbors(opened: OpenTable, asked: NeighborsRequest) -> NeighborsAnswer:
    table = opened.table
    leave_out = {row for word in asked.exclude if (row := table.row(word)) is not None}
    if asked.vector is not None:
        direction = _direction(asked.vector, table.size)
    else:
        named = {"word": asked.word} if asked.word is not None else {}
        named |= {f"words.{place}": word for place, word in enumerate(asked.words or [])}
        rows = opened.rows_of(named)
        leave_out.update(rows)
        # A word that is named twice counts once.
        direction = unit(table.vectors[[*dict.fromkeys(rows)]]).mean(axis=0)
        if not direction.any():
            raise InvalidInput.field("words" if asked.words else "word", "has no direction: its vectors add up to zero")
    return NeighborsAnswer.of(opened.nearest(direction, k=asked.k, leave_out=leave_out))


def _direction(vector: list[float], size: int) -> Vectors:
    if len(vector) != size:
        raise InvalidInput.field("vector", f"must have {size} numbers, has {len(vector)}")
    direction = np.array(vector, dtype=np.float64)
    if not direction.any():
        raise InvalidInput.field("vector", "has no direction: all its numbers are 0")
    return unit(direction)
