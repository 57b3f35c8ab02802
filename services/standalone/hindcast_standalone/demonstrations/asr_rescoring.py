"""What `make asr-demo` asks of Hindcast over HTTP: lists from lattices, weights, and new words for both."""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hindcast_standalone.demonstrations.api_client import ApiClient
from hindcast_standalone.demonstrations.asr_decoding import LANGUAGE_WEIGHT, WORD_PENALTY, Decoded
from hindcast_standalone.demonstrations.asr_words import TEXT, comparable
from hindcast_standalone.demonstrations.rescoring import best_texts, path_of, weights_of

HYPOTHESES = 100
AT_A_TIME = 10
"""Lattices of one request, all of which are read before the first is answered."""
SEARCH: Mapping[str, float] = {"states_per_node": 16, "beam": 500.0}
"""PocketSphinx's lattices have many nodes that differ in times alone, and links with scores below -40,000 that no
reading takes."""
START: Mapping[str, float] = {"lm_weight": LANGUAGE_WEIGHT, "word_insertion_penalty": WORD_PENALTY}
"""By what lists are taken from lattices, which hold no language model's scores, and where the search for weights
begins. By acoustic scores alone, the first hundred paths would be those that differ in short words."""
RANGES: Mapping[str, tuple[float, float]] = {"lm_weight": (4.0, 25.0), "word_insertion_penalty": (-15.0, 15.0)}
"""Around what PocketSphinx itself takes: some thirty recordings say too little to go further."""
OOV_SPREAD = 60_000
"""Words that PocketSphinx's language model knows (72,500) and the model of novels doesn't: they share what `<unk>` has.
Else each of them would have all of it, and rare words would beat common ones."""
PLAIN_TEXT = "text/plain"

Lists = Mapping[str, Sequence[Mapping[str, Any]]]
"""By utterance: hypotheses, best first, with `text` as references are written and `am_score`."""


@dataclass(frozen=True)
class Scoring:
    """By which language models hypotheses are ordered."""

    name: str
    ngram: str | None = None
    """Of PocketSphinx's trigrams; None: the neural model alone."""
    shares: Sequence[float] = (1.0,)
    """Of the neural model, to choose from when weights are tuned."""

    def interpolation(self, share: float) -> dict[str, Any]:
        """As an option of the JSON bodies."""
        return {} if self.ngram is None else {"interpolation": {"ngram": self.ngram, "weight": share}}

    def interpolation_query(self, share: float) -> dict[str, str | float]:
        """As query parameters."""
        return {} if self.ngram is None else {"ngram": self.ngram, "neural_weight": share}


@dataclass(frozen=True)
class Rescored:
    """What a recording's words are now, as its reference is written."""

    list_text: str
    lattice_text: str


@dataclass(frozen=True)
class Outcome:
    """What one way of scoring made of all recordings."""

    scoring: Scoring
    tuned: Mapping[int, Any]
    """By half: the answer of tuning on the other one, judged on it."""
    rescored: Mapping[str, Rescored]
    """By utterance, by the weights of the other half."""


def scorings(ngram: str | None) -> list[Scoring]:
    """Those that are compared, the one that the demonstration is about first."""
    neural = Scoring("neural alone")
    if ngram is None:
        return [neural]
    tenths = [tenth / 10 for tenth in range(11)]
    return [Scoring("both models", ngram, tenths), Scoring("trigrams alone", ngram, (0.0,)), neural]


def lists_of(api: ApiClient, model: str, decoded: Sequence[Decoded], scoring: Scoring) -> Lists:
    """The best paths of all lattices, each with its acoustic score; with two models, by equal shares of both."""
    query = {"answer": "nbest", "n": HYPOTHESES, **START, **scoring.interpolation_query(0.5)}
    lines = map(json.loads, _sent_lattices(api, model, decoded, query))
    return {line["utterance"]: _distinct(line["hypotheses"]) for line in lines}


def outcome(api: ApiClient, model: str, decoded: Sequence[Decoded], lists: Lists, scoring: Scoring) -> Outcome:
    """Tune on each half, rescore the other."""
    answers = tuned(api, model, decoded, lists, scoring)
    found: dict[str, Rescored] = {}
    for half, answer in answers.items():
        found |= _rescored(api, model, _of_half(decoded, half, lists), lists, scoring, answer["weights"])
    return Outcome(scoring, answers, found)


def tuned(api: ApiClient, model: str, decoded: Sequence[Decoded], lists: Lists, scoring: Scoring) -> Mapping[int, Any]:
    """For each half, the answer of tuning on the other one, judged on it."""
    halves = {half: [_with_reference(each, lists) for each in _of_half(decoded, half, lists)] for half in (0, 1)}
    asked: dict[str, Any] = {
        "options": {**START, **_options(), **scoring.interpolation(scoring.shares[0])},
        "ranges": RANGES,
        "convention": "none",
        **({} if scoring.ngram is None else {"interpolations": scoring.shares}),
    }
    path = f"{path_of(model)}/tune"
    return {half: api.post(path, {"development": halves[1 - half], "report": halves[half], **asked}) for half in (0, 1)}


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


def _rescored(
    api: ApiClient,
    model: str,
    some: Sequence[Decoded],
    lists: Lists,
    scoring: Scoring,
    answered: Mapping[str, Any],
) -> dict[str, Rescored]:
    weights = weights_of(answered)
    share = 1.0 if scoring.ngram is None else answered["interpolation"]["weight"]
    options = {**weights, **_options(), **scoring.interpolation(share)}
    best = best_texts(api, model, [_sent(each, lists) for each in some], options)
    query = {"answer": "best", **weights, **scoring.interpolation_query(share)}
    lines = _sent_lattices(api, model, some, query, accept=PLAIN_TEXT)
    words = dict(line.partition(" ")[::2] for line in lines)
    return {id: Rescored(best[id], comparable(words[id])) for id in best}


def _sent_lattices(
    api: ApiClient, model: str, decoded: Sequence[Decoded], asked: Mapping[str, str | float], *, accept: str = "*/*"
) -> Iterator[str]:
    """The lines of the answers."""
    query = {"format": "slf", **asked, **SEARCH, **TEXT, "oov_spread": OOV_SPREAD}
    some = [each for each in decoded if each.lattice.is_file()]
    for first in range(0, len(some), AT_A_TIME):
        body = archive(some[first : first + AT_A_TIME])
        yield from api.send(path_of(model), body, query, accept=accept).decode().splitlines()


def _options() -> dict[str, Any]:
    return {"text": TEXT, "oov": {"spread": OOV_SPREAD}}


def _distinct(hypotheses: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of those that are the same words, written otherwise, the best."""
    found: dict[str, Mapping[str, Any]] = {}
    for each in hypotheses:
        text = comparable(each["text"])
        found.setdefault(text, {"text": text, "am_score": each["am_score"]})
    return list(found.values())


def _of_half(decoded: Sequence[Decoded], half: int, lists: Lists) -> list[Decoded]:
    """Those with a list: where nothing was heard, there is nothing to rescore."""
    return [each for each in decoded if each.recording.half == half and each.recording.id in lists]


def _sent(each: Decoded, lists: Lists) -> dict[str, Any]:
    return {"utterance": each.recording.id, "hypotheses": lists[each.recording.id]}


def _with_reference(each: Decoded, lists: Lists) -> dict[str, Any]:
    return {**_sent(each, lists), "reference": each.recording.reference}
