"""What the import of a large table takes: `python benchmarks/import_memory.py --words 3000000 --size 300`.

Writes a file of random vectors into a temporary folder, imports it with the embedder's own code in a process of its
own, and prints that process's seconds and peak memory. GoogleNews has 3,000,000 words of size 300.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np

from hindcast_embedder.formats import FormatName
from hindcast_embedder.imports import import_table

_BATCH_ROWS = 1000


def rows(format: FormatName, words: int, size: int) -> Iterator[bytes]:
    """A file of that format, piece by piece."""
    random = np.random.default_rng(1)
    if format != "glove":
        yield b"%d %d\n" % (words, size)
    for start in range(0, words, _BATCH_ROWS):
        vectors = random.standard_normal((min(_BATCH_ROWS, words - start), size), dtype=np.float32)
        names = (b"word%d" % row for row in range(start, words))
        if format == "word2vec-binary":
            yield b"".join(name + b" " + vector.tobytes() + b"\n" for name, vector in zip(names, vectors, strict=False))
        else:
            columns = np.char.mod(b"%.5f", vectors)
            yield b"".join(name + b" " + b" ".join(row) + b"\n" for name, row in zip(names, columns, strict=False))


def imported(file: Path, format: FormatName, folder: Path) -> dict[str, float]:
    """Import in this process; what it took."""
    folder.mkdir()
    before = time.perf_counter()
    with file.open("rb") as stream:
        result = import_table(stream, format, folder)
    seconds = time.perf_counter() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"words": result.words, "size": result.size, "seconds": seconds, "peak_bytes": peak}


def main() -> None:
    """Generate, import in a child, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=300_000)
    parser.add_argument("--size", type=int, default=300)
    formats = [name for name in get_args(FormatName) if name != "safetensors"]
    parser.add_argument("--format", choices=formats, default="word2vec-binary")
    parser.add_argument("--json", type=argparse.FileType("w"))
    parser.add_argument("--import-file", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.import_file:
        print(json.dumps(imported(asked.import_file, asked.format, asked.import_file.parent / "table")))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        with file.open("wb") as out:
            out.writelines(rows(asked.format, asked.words, asked.size))
        command = [sys.executable, __file__, "--import-file", str(file), "--format", asked.format]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        measured = {"format": asked.format, "file_bytes": file.stat().st_size, **json.loads(answer)}
    print(
        f"{measured['words']:,} x {measured['size']}, {asked.format}, {measured['file_bytes'] / 1e9:.2f} GB: "
        f"{measured['seconds']:.1f} s, peak memory {measured['peak_bytes'] / 1e9:.2f} GB"
    )
    if asked.json:
        json.dump(measured, asked.json, indent=1)


if __name__ == "__main__":
    main()
