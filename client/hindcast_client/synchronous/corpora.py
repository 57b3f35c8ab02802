# Made of hindcast_client/asynchronous/corpora.py by `make client`: change that, not this.
"""`client.corpora`: text."""

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import PrivateAttr

from hindcast_client.answers import CorpusAnswer
from hindcast_client.errors import JobFailed
from hindcast_client.request import Reference, Request, at, get, must_be
from hindcast_client.synchronous.jobs import Jobs, OnProgress
from hindcast_client.synchronous.transport import Transport
from hindcast_client.uploads import OnSent, Source, upload_of
from hindcast_client.waiting import PATIENCE_SECONDS, Deadline

Pipeline = Literal["plain", "wikitext", "asr"]


def _percentages(splits: str | Sequence[float] | None) -> str | None:
    if splits is None or isinstance(splits, str):
        return splits
    with must_be("splits", "percentages such as (90, 5, 5)"):
        return ",".join(f"{part:g}" for part in splits)


class Corpus(CorpusAnswer):
    """A corpus as it was told, which can be waited for. It doesn't change: what is asked of it gives a new one."""

    _corpora: "Corpora" = PrivateAttr()

    def refresh(self) -> "Corpus":
        """As it is now."""
        return self._corpora.get(self.id)

    def wait(
        self,
        *,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> "Corpus":
        """As it is once it is ready. See `Corpora.wait`."""
        return self._corpora.wait(self.id, timeout=timeout, on_progress=on_progress, patience=patience)

    def delete(self) -> None:
        """See `Corpora.delete`."""
        self._corpora.delete(self.id)


class Corpora:
    """Corpora. Any is meant by its id, by its name, or by itself."""

    def __init__(self, transport: Transport, jobs: Jobs) -> None:
        self._transport = transport
        self._jobs = jobs

    def create(
        self,
        source: Source,
        *,
        name: str | None = None,
        format: Literal["text", "jsonl"] | None = None,
        pipeline: Pipeline | None = None,
        splits: str | Sequence[float] | None = None,
        compress: bool = False,
        on_progress: OnSent | None = None,
    ) -> Corpus:
        """Uploads text: a file by its path, bytes, an open file, lines, or documents such as `{"text": …}`, read piece
        by piece. It need not be waited for before jobs are created that refer to it.

        `format` is told by a name that has .jsonl in it and by documents, and else text: a paragraph a line, a blank
        line ends a document. gzip, xz and zstd are seen by how a file begins; `compress` packs others on their way.
        `splits` are percentages of train, valid and test. An upload of more than 8 MiB goes on where it broke off,
        whatever its source, also if the server starts again meanwhile. A smaller one begins again, where the source can
        be read again (not iterators, open files and pipes) and the corpus has a name, which can't be taken twice.
        Invalid names the line that is wrong."""
        upload = upload_of(source, compress=compress, on_progress=on_progress)
        query = {
            "name": name,
            "format": format or ("jsonl" if upload.jsonl else "text"),
            "pipeline": pipeline,
            "splits": _percentages(splits),
        }
        request = Request("POST", at("corpora"), query=query, upload=upload, once=name is None)
        return self._bound(self._transport.ask(request, Corpus))

    def get(self, corpus: Reference) -> Corpus:
        """One corpus. NotFound."""
        return self._bound(self._transport.ask(get(at("corpora", corpus)), Corpus))

    def list(
        self,
        *,
        status: Literal["ingesting", "ready", "failed"] | None = None,
        pipeline: Pipeline | None = None,
        name: str | None = None,
    ) -> Iterator[Corpus]:
        """All of them, newest first; pages are asked for as they are needed."""
        query = {"status": status, "pipeline": pipeline, "name": name}
        for corpus in self._transport.items(at("corpora"), Corpus, **query):
            yield self._bound(corpus)

    def delete(self, corpus: Reference) -> None:
        """Conflict while a job needs it."""
        self._transport.delete(at("corpora", corpus))

    def wait(
        self,
        corpus: Reference,
        *,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> Corpus:
        """The corpus once it is ready; raises as `jobs.wait` does."""
        found = self.get(corpus)
        if found.status == "ingesting" and found.job is not None:
            self._jobs.watch(found.job, Deadline(timeout), on_progress, patience)
            found = self.get(found)
        if found.status == "ready":
            return found
        told = found.error.detail if found.error else found.status
        problem = found.error.model_dump() if found.error else None
        raise JobFailed(f"The corpus {found.name or found.id} failed: {told}", ended=found, problem=problem)

    def _bound(self, corpus: Corpus) -> Corpus:
        corpus._corpora = self
        return corpus
