"""What PocketSphinx hears: its first hypothesis and its lattice, kept in a folder so that nothing is decoded twice."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hindcast.errors import Unavailable
from hindcast_standalone.demonstrations.asr_audio import RATE, Recording, Samples, Skipped, samples
from hindcast_standalone.demonstrations.asr_words import comparable

LANGUAGE_WEIGHT = 9.5
"""What PocketSphinx multiplies its own language model's scores by on its way through a lattice (`bestpathlw`)."""
WORD_PENALTY = -0.63
"""What it adds for each word there: ln 0.65 (`wip`), by 9.5 / 6.5 (`bestpathlw` / `lw`)."""

Recogniser = Callable[[Samples, Path], str]
"""Decodes speech at RATE; writes its lattice, if it has one, to the path, and gives its first hypothesis."""


@dataclass(frozen=True)
class Decoded:
    """One recording, heard."""

    recording: Recording
    text: str
    """The first hypothesis as PocketSphinx writes it; empty where nothing was heard."""
    lattice: Path
    """HTK's SLF; not there where nothing was heard."""

    @property
    def words(self) -> str:
        """The same as its reference is written."""
        return comparable(self.text)

    def lattice_bytes(self) -> bytes | None:
        """None: nothing was heard."""
        return self.lattice.read_bytes() if self.lattice.is_file() else None


def pocketsphinx() -> Recogniser:
    """With the acoustic model, dictionary and trigrams that its wheel brings. Unavailable where it isn't installed."""
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise Unavailable("PocketSphinx isn't installed: pip install 'hindcast-lm-standalone[asr-demo]'") from error
    decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def decode(speech: Samples, lattice: Path) -> str:
        decoder.start_utt()
        decoder.process_raw(speech.tobytes(), full_utt=True)
        decoder.end_utt()
        found = decoder.hyp()
        if found is None:
            return ""
        decoder.get_lattice().write_htk(str(lattice))
        return str(found.hypstr)

    return decode


def decode_all(
    recordings: Sequence[Recording], folder: Path, recogniser: Callable[[], Recogniser], say: Callable[[str], None]
) -> list[Decoded]:
    """Each recording once; one that an earlier run decoded is taken from the folder. Those that can't be read are left
    out, and `say` names them."""
    folder.mkdir(parents=True, exist_ok=True)
    loaded: Recogniser | None = None
    decoded = []
    for number, recording in enumerate(recordings, start=1):
        note, lattice = folder / f"{recording.id}.json", folder / f"{recording.id}.slf"
        if not note.is_file():
            try:
                speech = samples(recording)
            except Skipped as reason:
                say(f"{recording.id} ({recording.set}) is skipped: {recording.file.name} {reason}")
                continue
            loaded = loaded or recogniser()
            say(f"Decoding {number} of {len(recordings)}: {recording.id}, {recording.seconds:.1f} s")
            text = loaded(speech, lattice)
            note.write_text(json.dumps({"text": text}, ensure_ascii=False), encoding="utf-8")  # last: now it's whole
        text = json.loads(note.read_text(encoding="utf-8"))["text"]
        decoded.append(Decoded(recording, text, lattice))
    return decoded
