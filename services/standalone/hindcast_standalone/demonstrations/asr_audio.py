"""The recordings of `make asr-demo`: `audio.tsv` and the files that it names."""

import csv
import wave
from dataclasses import dataclass
from hashlib import sha256
from math import gcd
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from hindcast.text.pipeline import pipeline
from hindcast_standalone.demonstrations.files import reading

RATE = 16_000
"""Hertz: what PocketSphinx's acoustic model was trained at."""
COLUMNS = ("id", "set", "file", "sample_rate", "seconds", "transcript")

Samples = npt.NDArray[np.int16]


class Skipped(Exception):
    """A recording that can't be read here; the message says why."""


@dataclass(frozen=True)
class Recording:
    """One utterance."""

    id: str
    set: str
    """Where it comes from."""
    file: Path
    seconds: float
    transcript: str

    @property
    def reference(self) -> str:
        """Its words in lower case, without punctuation: as the recogniser's dictionary has them."""
        return " ".join(pipeline("asr").words(self.transcript))

    @property
    def half(self) -> int:
        """0 or 1, by a hash of the id: weights for one half are tuned on the other."""
        return sha256(self.id.encode()).digest()[0] % 2


def recordings(folder: Path) -> list[Recording]:
    """Those that `audio.tsv` lists. InvalidInput where it isn't there, or a line has no such columns."""
    table = folder / "audio.tsv"
    with reading(table, option="DATA"), table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
        if not rows:
            raise ValueError(f"must hold a line for each recording, and in the first {', '.join(COLUMNS)}")
        return [_recording(folder, row, number) for number, row in enumerate(rows, start=2)]


def samples(recording: Recording) -> Samples:
    """At RATE, by scipy's polyphase filter where it was recorded at another. Skipped, with the reason."""
    if recording.file.suffix.lower() == ".wav":
        content, rate = _wave(recording.file)
    else:
        content, rate = _other(recording.file)
    if rate == RATE:
        return content
    divisor = gcd(rate, RATE)
    resampled = resample_poly(content.astype(np.float64), RATE // divisor, rate // divisor)
    clipped: Samples = np.clip(np.rint(resampled), -32768, 32767).astype(np.int16)
    return clipped


def _recording(folder: Path, row: dict[str, str | None], number: int) -> Recording:
    id, set, file, _, seconds, transcript = (row.get(column) or "" for column in COLUMNS)
    if not (id and set and file and transcript):
        raise ValueError(f"line {number} must have {', '.join(COLUMNS)}, parted by tabs")
    if Path(id).name != id:
        raise ValueError(f"line {number}: the id {id!r} must be usable as a file's name")
    return Recording(id, set, folder / file, float(seconds or 0), transcript)


def _wave(file: Path) -> tuple[Samples, int]:
    try:
        with wave.open(str(file)) as sound:
            if (sound.getnchannels(), sound.getsampwidth()) != (1, 2):
                raise Skipped("must be mono with 16 bits")
            content: Samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").astype(np.int16)
            return content, sound.getframerate()
    except (OSError, EOFError, wave.Error) as error:
        raise Skipped(f"can't be read: {error}") from error


def _other(file: Path) -> tuple[Samples, int]:
    """FLAC, or whatever else soundfile reads."""
    try:
        import soundfile
    except ImportError as error:
        raise Skipped("isn't a WAV file: the package soundfile would read it") from error
    try:
        content, rate = soundfile.read(str(file), dtype="int16")
    except (OSError, soundfile.LibsndfileError) as error:
        raise Skipped(f"can't be read: {error}") from error
    if content.ndim != 1:
        raise Skipped("must be mono")
    return content, int(rate)
