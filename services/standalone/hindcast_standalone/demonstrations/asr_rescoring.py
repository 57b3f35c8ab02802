"""What `make asr-demo` asks of Hindcast over HTTP: lists from lattices, weights, and new words for both."""

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hindcast_standalone.demonstrations.api_client import ApiClient
from hindcast_standalone.demonstrations.asr_decoding import LANGUAGE_WEIGHT, Decoded

HYPOTHESES = 100
SEARCH: Mapping[str, float] = {"states_per_node": 16, "beam": 500.0}
"""PocketSphinx's lattices have many nodes that differ in times alone, and links with scores below -40,000 that no
reading takes."""
START: Mapping[str, float] = {"lm_weight": LANGUAGE_WEIGHT}
"""By what lists are taken from lattices, which hold no language model's scores, and where the search for weights
begins. By acoustic scores alone, the first hundred paths would be those that differ in short words."""
TEXT = "text/plain"

Lists = Mapping[str, Mapping[str, Any]]
"""By utterance, as Hindcast's JSON lines have them."""


@dataclass(frozen=True)
class Rescored:
    """What a recording's words are now."""

    list_text: str
    lattice_text: str


def lists_of(api: ApiClient, model: str, decoded: Sequence[Decoded]) -> Lists:
    """The best paths of all lattices, each with its acoustic score."""
    query: dict[str, str | float] = {"format": "slf", "answer": "nbest", "n": HYPOTHESES, **START, **SEARCH}
    answer = api.send(_path(model), archive(decoded), query)
    return {line["utterance"]: line for line in map(json.loads, answer.decode().splitlines())}


def tuned(api: ApiClient, model: str, decoded: Sequence[Decoded], lists: Lists) -> Mapping[int, Any]:
    """For each half, the answer of tuning on the other one, judged on it."""
    halves = {half: [_with_reference(each, lists) for each in _of_half(decoded, half, lists)] for half in (0, 1)}
    return {
        half: api.post(
            f"{_path(model)}/tune",
            {"development": halves[1 - half], "report": halves[half], "options": dict(START), "convention": "none"},
        )
        for half in (0, 1)
    }


def rescored(
    api: ApiClient, model: str, decoded: Sequence[Decoded], lists: Lists, weights: Mapping[int, Mapping[str, float]]
) -> dict[str, Rescored]:
    """By utterance: the best of each list, and of each lattice, by the weights of its half."""
    found: dict[str, Rescored] = {}
    for half in (0, 1):
        some = _of_half(decoded, half, lists)
        answer = api.post(
            _path(model), {"lists": [_sent(lists[each.recording.id]) for each in some], "options": dict(weights[half])}
        )
        best = {one["utterance"]: one["hypotheses"][one["best"]]["text"] for one in answer["lists"]}
        query: dict[str, str | float] = {"format": "slf", "answer": "best", **weights[half], **SEARCH}
        lines = api.send(_path(model), archive(some), query, accept=TEXT)
        words = dict(line.partition(" ")[::2] for line in lines.decode().splitlines())
        found |= {id: Rescored(best[id], words[id]) for id in best}
    return found


def archive(decoded: Sequence[Decoded]) -> bytes:
    """The lattices as a tar archive, each file named by its utterance."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as packed:
        for each in decoded:
            if (content := each.lattice_bytes()) is not None:
                entry = tarfile.TarInfo(f"{each.recording.id}.slf")
                entry.size = len(content)
                packed.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def _path(model: str) -> str:
    return f"/v1/models/{model}/rescore"


def _of_half(decoded: Sequence[Decoded], half: int, lists: Lists) -> list[Decoded]:
    """Those with a list: where nothing was heard, there is nothing to rescore."""
    return [each for each in decoded if each.recording.half == half and each.recording.id in lists]


def _sent(found: Mapping[str, Any]) -> dict[str, Any]:
    hypotheses = [{"text": each["text"], "am_score": each["am_score"]} for each in found["hypotheses"]]
    return {"utterance": found["utterance"], "hypotheses": hypotheses}


def _with_reference(each: Decoded, lists: Lists) -> dict[str, Any]:
    return {**_sent(lists[each.recording.id]), "reference": each.recording.reference}
