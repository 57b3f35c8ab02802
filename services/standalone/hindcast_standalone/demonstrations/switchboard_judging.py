"""What a model is worth on real lists: word errors of what it chooses, by weights that saw none of the conversation.

Shapes: U utterances.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hindcast_scorer.rescoring.conventions import preset
from hindcast_scorer.rescoring.word_errors import list_errors
from hindcast_standalone.demonstrations.api_client import ApiClient
from hindcast_standalone.demonstrations.rescoring import best_texts, path_of, weights_of
from hindcast_standalone.demonstrations.switchboard_lists import Lists

Integers = npt.NDArray[np.int64]
Options = Mapping[str, Any]

CONVENTION = "switchboard"
NGRAM_ALONE = (0.0,)
SHARES = tuple(tenth / 10 for tenth in range(11))
"""Of the neural model beside an n-gram, that tuning tries."""


@dataclass(frozen=True)
class Judged:
    """What was chosen of each list, and what that is worth."""

    answer: Mapping[str, Any]
    """Of tuning, with its cross-validation."""
    errors_U: Integers
    """Of each list's choice."""
    words_U: Integers
    """Of its reference."""

    @property
    def wer(self) -> float:
        """In percent, each list by weights that other conversations gave."""
        return 100 * float(self.errors_U.sum() / self.words_U.sum())


@dataclass(frozen=True)
class InSessions:
    """The same lists by the same weights: each alone, and after what was chosen of those before it."""

    alone: Judged
    errors_U: Integers
    """In sessions."""
    reference_logprob_alone: float
    """Natural log, of all references, each `</s>` included."""
    reference_logprob: float
    """The same where each is read after the references before it."""
    tokens: int


def judged(
    api: ApiClient,
    model: str,
    lists: Lists,
    *,
    ngram: str | None = None,
    shares: Sequence[float] = (),
    sum: Literal["exact", "skipped"] = "exact",
) -> Judged:
    """Tune on all conversations but one, choose in that one; in turn. With an n-gram model, joined word by word."""
    options: dict[str, Any] = {"sum": sum, **({"interpolation": {"ngram": ngram}} if ngram else {})}
    asked = {
        "development": lists.lists,
        "groups": lists.conversations,
        "convention": CONVENTION,
        "options": options,
        **({"interpolations": shares} if ngram else {}),
    }
    answer = api.post(f"{path_of(model)}/tune", asked)
    chosen: dict[str, str] = {}
    for fold in answer["cross_validation"]["folds"]:
        inside = [one for one, group in zip(lists.lists, lists.conversations, strict=True) if group in fold["groups"]]
        weighed: dict[str, Any] = {"sum": sum, **weights_of(fold)}
        if ngram:
            weighed["interpolation"] = fold["interpolation"]
        chosen |= best_texts(api, model, inside, weighed)
    return Judged(answer, *_errors(lists, chosen))


def told_in_sessions(api: ApiClient, model: str, lists: Lists) -> InSessions:
    """What sessions change: one for each side of a conversation, by the weights that are good without them."""
    alone = judged(api, model, lists)
    weights = {
        group: weights_of(fold) for fold in alone.answer["cross_validation"]["folds"] for group in fold["groups"]
    }
    chosen: dict[str, str] = {}
    read_on = 0.0
    for conversation, inside in _sides(lists):
        with _session(api, model) as session:
            chosen |= best_texts(api, model, inside, {**weights[conversation], "session": session})
        with _session(api, model) as session:
            read_on += _reference_logprob(api, model, inside, {"session": session})[0]
    logprob, tokens = _reference_logprob(api, model, lists.lists, {})
    errors_U, _ = _errors(lists, chosen)
    return InSessions(alone, errors_U, logprob, read_on, tokens)


@contextmanager
def _session(api: ApiClient, model: str) -> Iterator[str]:
    path = f"/v1/models/{model}/sessions"
    session: str = api.post(path, {})["id"]
    yield session
    api.delete(f"{path}/{session}")


def _sides(lists: Lists) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    """Of each side its conversation, and its lists in the order in which they were said."""
    sides: dict[str, tuple[str, list[dict[str, Any]]]] = {}
    for one, conversation, side in zip(lists.lists, lists.conversations, lists.sides, strict=True):
        sides.setdefault(side, (conversation, []))[1].append(one)
    return sides.values()


def _reference_logprob(
    api: ApiClient, model: str, lists: Sequence[Mapping[str, Any]], options: Options
) -> tuple[float, int]:
    """Of the references themselves, and how many tokens they have."""
    said = [{"utterance": one["utterance"], "hypotheses": [{"text": one["reference"]}]} for one in lists]
    answer = api.post(path_of(model), {"lists": said, "options": options})
    scores = [one["hypotheses"][0] for one in answer["lists"]]
    return sum(score["neural_logprob"] for score in scores), sum(score["words"] + 1 for score in scores)


def _errors(lists: Lists, chosen: Mapping[str, str]) -> tuple[Integers, Integers]:
    counted = [list_errors(one["reference"], [chosen[one["utterance"]]], preset(CONVENTION)) for one in lists.lists]
    return np.array([int(each.errors[0]) for each in counted]), np.array([each.words for each in counted])
