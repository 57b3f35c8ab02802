"""Rows of embedding tables from the embedder, over HTTP."""

import time
from collections.abc import Mapping, Sequence

import httpx
import numpy as np
import numpy.typing as npt
from safetensors.numpy import load

from hindcast.errors import FieldError, HindcastError, InvalidInput, NotFound, Unavailable
from hindcast_trainer.work import TableRows

WORDS_PER_REQUEST = 10_000
_AWAY = frozenset({502, 503, 504})


class EmbedderTables:
    """See hindcast_trainer.work.TableSource. A job of hours outlives an embedder that restarts."""

    def __init__(self, url: str, *, patience_seconds: float = 60.0, pause_seconds: float = 1.0) -> None:
        """`url` is the embedder's origin. An embedder that is away is asked again every `pause_seconds`, for
        `patience_seconds`."""
        # Statistics of a table of millions of rows are computed at the first request for them: that takes a while.
        self._client = httpx.Client(base_url=url, timeout=httpx.Timeout(10.0, read=600.0))
        self._patience_seconds = patience_seconds
        self._pause_seconds = pause_seconds

    def rows(self, table: str, words: Sequence[str], normalization: str) -> TableRows:
        """See hindcast_trainer.work.TableSource."""
        parts = [
            self._ask(table, words[start : start + WORDS_PER_REQUEST], normalization)
            for start in range(0, max(1, len(words)), WORDS_PER_REQUEST)
        ]
        return TableRows(
            vectors=np.concatenate([part["vectors"] for part in parts]),
            found=np.concatenate([part["found"] for part in parts]).astype(np.bool_),
            mean=parts[0]["mean"],
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, table: str, words: Sequence[str], normalization: str) -> Mapping[str, npt.NDArray[np.float32]]:
        give_up_at = time.monotonic() + self._patience_seconds
        while True:
            try:
                return load(self._post(table, words, normalization).content)
            except Unavailable:
                if time.monotonic() + self._pause_seconds > give_up_at:
                    raise
                time.sleep(self._pause_seconds)

    def _post(self, table: str, words: Sequence[str], normalization: str) -> httpx.Response:
        try:
            response = self._client.post(
                f"/v1/tables/{table}/vectors",
                json={"words": list(words), "normalization": normalization},
                headers={"Accept": "application/x-safetensors"},
            )
        except httpx.TransportError as error:
            raise Unavailable(f"The embedder is away: {error}") from error
        if not response.is_success:
            raise _error(response)
        return response


def _error(response: httpx.Response) -> HindcastError:
    """The embedder's problem, as the error that it was."""
    try:
        problem = response.json()
        detail = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        problem, detail = {}, f"The embedder answers {response.status_code}."
    if response.status_code in _AWAY:
        return Unavailable(detail)
    if response.status_code == 404:
        return NotFound(detail)
    if response.status_code == 422:
        wrong = [FieldError(error["field"], error["message"]) for error in problem.get("errors", ())]
        return InvalidInput(detail, errors=wrong)
    return HindcastError(detail)
