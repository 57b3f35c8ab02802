"""`client.tables`: vectors of words."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Literal

from hindcast_client.answers import (
    CoverageAnswer,
    EvaluationAnswer,
    NeighborsAnswer,
    ProjectionAnswer,
    SimilarityAnswer,
    TableCard,
)
from hindcast_client.asynchronous.transport import AsyncTransport
from hindcast_client.downloads import Target
from hindcast_client.request import Reference, Request, at, get, must_be, post, stated, texts_of
from hindcast_client.uploads import OnSent, Source, upload_of
from hindcast_client.vectors import MEDIA_TYPE, Vectors, vectors_of

Format = Literal["word2vec-text", "word2vec-binary", "safetensors", "glove", "fasttext-vec"]
Normalization = Literal["none", "unit", "mean_variance", "standardize"]


class AsyncTables:
    """Tables of vectors. Any is meant by its id, by its name, or by itself."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def import_(
        self,
        source: Source,
        *,
        format: Format,
        name: str | None = None,
        compress: bool = False,
        on_progress: OnSent | None = None,
    ) -> TableCard:
        """Uploads a table, gzipped or not. See `AsyncCorpora.create` for what a source is, and what a `name` is good
        for."""
        upload = upload_of(source, compress=compress, on_progress=on_progress)
        query = {"format": format, "name": name}
        request = Request("POST", at("tables"), query=query, upload=upload, once=name is None)
        return await self._transport.ask(request, TableCard)

    async def get(self, table: Reference) -> TableCard:
        """What is known of one. NotFound."""
        return await self._transport.ask(get(at("tables", table)), TableCard)

    async def list(self, *, kind: str | None = None, name: str | None = None) -> AsyncIterator[TableCard]:
        """All of them, newest first; pages are asked for as they are needed. `kind` is that of the job that made it, or
        `import`."""
        async for table in self._transport.items(at("tables"), TableCard, kind=kind, name=name):
            yield table

    async def delete(self, table: Reference) -> None:
        """Conflict while a job needs it."""
        await self._transport.delete(at("tables", table))

    async def export(self, table: Reference, target: Target, *, format: Format) -> None:
        """Writes it to a path, where it is whole or not at all, or to an open file."""
        await self._transport.save(get(at("tables", table, "export"), accept="*/*", format=format), target)

    async def vectors(
        self, table: Reference, words: str | Sequence[str], *, normalization: Normalization | None = None
    ) -> Vectors:
        """Vectors of words, as arrays of numpy."""
        asked = texts_of(words)
        told = stated(words=asked, normalization=normalization)
        return vectors_of(
            asked, await self._transport.read(post(at("tables", table, "vectors"), told, accept=MEDIA_TYPE))
        )

    async def coverage(
        self,
        table: Reference,
        *,
        words: Sequence[str] | Mapping[str, int] | None = None,
        vocabulary_of: Reference | None = None,
        corpus: Reference | Mapping[str, object] | None = None,
    ) -> CoverageAnswer:
        """How much it has of words (with their numbers of occurrences, where they are a mapping), of a model's
        vocabulary, or of a corpus: one of these."""
        told = stated(words=words, vocabulary_of=vocabulary_of, corpus=corpus)
        return await self._transport.ask(post(at("tables", table, "coverage"), told), CoverageAnswer)

    async def neighbors(
        self,
        table: Reference,
        words: str | Sequence[str] | None = None,
        *,
        vector: Iterable[float] | None = None,
        k: int | None = None,
        exclude: Sequence[str] | None = None,
    ) -> NeighborsAnswer:
        """The words nearest by cosine to a word, to the mean direction of several, or to a vector."""
        near = {"word": words} if isinstance(words, str) else {"words": words}
        with must_be("vector", "numbers"):
            numbers = None if vector is None else [float(number) for number in vector]
        told = stated(**near, vector=numbers, k=k, exclude=exclude)
        return await self._transport.ask(post(at("tables", table, "neighbors"), told), NeighborsAnswer)

    async def analogy(
        self,
        table: Reference,
        *,
        positive: str | Sequence[str],
        negative: str | Sequence[str] = (),
        k: int | None = None,
    ) -> NeighborsAnswer:
        """What is to some words as others are to them: `positive=["king", "woman"], negative="man"`."""
        told = stated(positive=texts_of(positive), negative=texts_of(negative), k=k)
        return await self._transport.ask(post(at("tables", table, "analogy"), told), NeighborsAnswer)

    async def similarity(self, table: Reference, pairs: Sequence[tuple[str, str]]) -> SimilarityAnswer:
        """The cosine of the two words of each pair."""
        return await self._transport.ask(post(at("tables", table, "similarity"), stated(pairs=pairs)), SimilarityAnswer)

    async def projection(
        self,
        table: Reference,
        words: Sequence[str] | None = None,
        *,
        method: Literal["pca", "umap"] | None = None,
        limit: int | None = None,
    ) -> ProjectionAnswer:
        """Where words lie in a plane; without any, the first `limit` of the table."""
        with must_be("words", "texts"):
            told = None if words is None else ",".join(words)
        request = get(at("tables", table, "projection"), words=told, method=method, limit=limit)
        return await self._transport.ask(request, ProjectionAnswer)

    async def evaluate(
        self,
        table: Reference,
        *,
        dataset: Literal["wordsim353", "simlex999"] | None = None,
        pairs: Sequence[tuple[str, str, float]] | None = None,
    ) -> EvaluationAnswer:
        """How far its cosines agree with people's judgement of pairs: a data set's, or your own."""
        told = stated(dataset=dataset, pairs=pairs)
        return await self._transport.ask(post(at("tables", table, "evaluate"), told), EvaluationAnswer)
