"""What demonstrations that rescore real lists ask of Hindcast in the same way."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from hindcast_standalone.demonstrations.api_client import ApiClient

_WEIGHTS = ("am_scale", "lm_weight", "word_insertion_penalty")


def path_of(model: str) -> str:
    """Where lists and lattices are sent for this model."""
    return f"/v1/models/{model}/rescore"


def weights_of(tuned: Mapping[str, Any]) -> dict[str, float]:
    """What tuning found, as options of a rescoring."""
    return {name: tuned[name] for name in _WEIGHTS}


def best_texts(
    api: ApiClient, model: str, lists: Sequence[Mapping[str, Any]], options: Mapping[str, Any]
) -> dict[str, str]:
    """By utterance, the text of the hypothesis that is chosen."""
    answer = api.post(path_of(model), {"lists": list(lists), "options": options})
    return {one["utterance"]: one["hypotheses"][one["best"]]["text"] for one in answer["lists"]}


def named_by(prefix: str, content: bytes) -> str:
    """A name that follows from what it stands for: other content is never taken for it."""
    return f"{prefix}-{sha256(content).hexdigest()[:12]}"
