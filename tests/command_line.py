"""`hindcast rescore` as a process, and lists to send through it."""

import json
import sys
from pathlib import Path

import numpy as np
import pexpect

LATTICES = Path(__file__).parent / "unit" / "scorer" / "lattices" / "golden"
SLF = (LATTICES / "pocketsphinx.slf").read_bytes()
TEXTS = ["the rain fell", "schools closed", "rain closed the schools", "hurricane relief", "the hurricane fell"]
COMMAND = [sys.executable, "-m", "hindcast_client.command_line", "rescore"]
ESCAPE = b"\x1b"


def left(folder):
    return sorted(file.name for file in folder.iterdir())


def lists(count, *, seed, weight=3.0):
    """Whose references the acoustic scores seldom tell; where weight is 0 nothing does."""
    random = np.random.default_rng(seed)
    for number in range(count):
        texts = random.permutation(TEXTS)[:4].tolist()
        scores = random.normal(0, 1, 4)
        reference = texts[int(np.argmax(scores))] if weight else texts[0]
        hypotheses = [{"text": text, "am_score": float(s)} for text, s in zip(texts, scores, strict=True)]
        yield {"utterance": str(number), "hypotheses": hypotheses, "reference": reference}


def as_lines(made):
    return b"".join(json.dumps(each).encode() + b"\n" for each in made)


def in_terminal(environment, folder, script):
    return pexpect.spawn("bash", ["-c", script], env=environment, cwd=str(folder), timeout=60, dimensions=(40, 100))
