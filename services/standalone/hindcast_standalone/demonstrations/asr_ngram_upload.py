"""PocketSphinx's trigrams on their way into Hindcast."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

from hindcast.text.pipeline import PipelineName
from hindcast_scorer.lattices.lattice import Lattice
from hindcast_scorer.lattices.slf import Slf
from hindcast_standalone.demonstrations.api_client import ApiClient, Refused
from hindcast_standalone.demonstrations.asr_decoding import Decoded
from hindcast_standalone.demonstrations.asr_ngrams import ngrams_of
from hindcast_standalone.demonstrations.asr_trigrams import LogProb, arpa_of
from hindcast_standalone.demonstrations.asr_words import reading
from hindcast_standalone.demonstrations.rescoring import named_by

FORM = 1
"""Of the file, in its name: another number wherever other n-grams or weights are written of the same lattices."""

Say = Callable[[str], None]


def arpa_file(
    decoded: Sequence[Decoded], folder: Path, pipeline: PipelineName, log10: Callable[[], LogProb], say: Say
) -> Path:
    """Of the n-grams of these lattices as a model of that pipeline reads them. One that an earlier run wrote is found
    again: its name follows from the lattices."""
    key = sha256(f"{FORM} {pipeline}".encode())
    for each in decoded:
        key.update(each.lattice_bytes() or b"")
    path = folder / f"trigrams-{key.hexdigest()[:12]}.arpa"
    if not path.is_file():
        say("Asking PocketSphinx for the trigrams of its lattices")
        draft = path.with_suffix(".part")
        draft.write_text(_arpa(decoded, pipeline, log10(), say), encoding="utf-8")
        draft.replace(path)
    return path


def uploaded(api: ApiClient, path: Path, say: Say) -> str | None:
    """The n-gram model's name, which follows from its content; one that is there isn't sent again. None, which is said:
    the server has no kenlm."""
    content = path.read_bytes()
    name = named_by("asr-demo-trigrams", content)
    if api.find("/v1/ngrams", name) is None:
        try:
            api.send("/v1/ngrams", content, {"name": name})
        except Refused as refusal:
            if refusal.status != HTTPStatus.NOT_IMPLEMENTED:
                raise
            say(f"PocketSphinx's trigrams stay out, and the neural model stands alone. {refusal.detail}")
            return None
    return name


def _arpa(decoded: Sequence[Decoded], pipeline: PipelineName, log10: LogProb, say: Say) -> str:
    words_of = reading(pipeline)

    def spellings(word: str) -> Sequence[str]:
        read = words_of(word)
        return (word,) if len(read) == 1 else read

    def token(word: str) -> str:
        return next(iter(words_of(word)), word)  # <s> and </s> are read as nothing, and stay

    ngrams = ngrams_of(_lattices(decoded), spellings)
    for utterance in ngrams.left_out:
        say(f"{utterance}: its lattice has too many trigrams; bigrams stand in for them")
    return arpa_of(ngrams, log10, token)


def _lattices(decoded: Sequence[Decoded]) -> Iterator[Lattice]:
    for each in decoded:
        if each.lattice.is_file():
            with each.lattice.open("rb") as file:
                for lattice in Slf().read(file):
                    yield replace(lattice, utterance=each.recording.id)
