"""The real n-best lists of `make switchboard`, as the scorer takes them, and the conversations that they are from."""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hindcast.errors import InvalidInput
from hindcast_standalone.demonstrations.files import reading

NINE_BEST, TEN_BEST = "swb_ws97_9best.jsonl.gz", "swb_ws97_10best.jsonl.gz"
UNKNOWN = "unknown"
"""Conversation of utterances that the source doesn't place."""
_BITS = 0.6931471805599453
"""Natural logs of acoustic scores that the source tells in base 2."""
_CONVERSATION = slice(0, 6)
_SIDE = slice(0, 14)
"""Of an id such as sw2229a-ws97-l-0036."""


@dataclass(frozen=True)
class Lists:
    """Lists, each with its reference, and what each belongs to."""

    lists: Sequence[dict[str, Any]]
    """As `POST …/rescore` takes them."""
    conversations: Sequence[str]
    """One for each list: what cross-validation holds back whole."""
    sides: Sequence[str]
    """One for each list: who speaks; those of one side stand in the order in which they were said."""

    def __len__(self) -> int:
        return len(self.lists)


def nine_best(folder: Path) -> Lists:
    """With acoustic scores. InvalidInput where the folder has none."""
    lines = list(_lines(folder / NINE_BEST))
    utterances = [line["utterance"] or UNKNOWN for line in lines]
    lists = [
        _list(line, [{"text": each["text"], "am_score": _BITS * each["am"]} for each in line["hyps"]]) for line in lines
    ]
    return _placed(lists, utterances)


def ten_best(folder: Path) -> Lists:
    """Without scores, in the order of a first pass: each hypothesis has minus its place for one."""
    lines = sorted(_lines(folder / TEN_BEST), key=lambda line: str(line["id"]))
    lists = [
        _list(line, [{"text": each["text"], "am_score": -place} for place, each in enumerate(line["hyps"])])
        for line in lines
    ]
    return _placed(lists, [line["id"] for line in lines])


def _placed(lists: Sequence[dict[str, Any]], utterances: Sequence[str]) -> Lists:
    def part(utterance: str, of: slice) -> str:
        return utterance if utterance == UNKNOWN else utterance[of]

    return Lists(
        lists,
        [part(utterance, _CONVERSATION) for utterance in utterances],
        [part(utterance, _SIDE) for utterance in utterances],
    )


def _list(line: dict[str, Any], hypotheses: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"utterance": line["id"], "hypotheses": list(hypotheses), "reference": line["ref"]}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with reading(path, option="DATA"), gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            found = json.loads(line)
            if not isinstance(found, dict) or not {"id", "ref", "hyps"} <= found.keys():
                raise InvalidInput.field("DATA", f"{path} line {number} is no list with an id, ref and hyps")
            yield found
