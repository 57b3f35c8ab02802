"""A folder of corpora as `make table1` takes it, and its requests as the trainer reads them."""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hindcast_standalone.demonstrations.table1_requests import Size
from hindcast_trainer.experiments.presets import Expansion, PresetRequest

SMALL = Size.of(scale=0.1, lm_words=None, epochs=None)


def write_split(folder: Path, split: str, documents: Sequence[tuple[str, str]]) -> None:
    folder.mkdir(exist_ok=True)
    with gzip.open(folder / f"documents.{split}.jsonl.gz", "wt", encoding="utf-8") as stream:
        for id, text in documents:
            stream.write(json.dumps({"id": id, "domain": [], "title": None, "paragraphs": [text]}) + "\n")


def numbered(corpus: str, split: str, count: int, words: int = 50) -> list[tuple[str, str]]:
    return [(f"{corpus}/{split}/{n}", f"{corpus} {split} {n} " + "word " * (words - 3)) for n in range(count)]


def expanded(request: Mapping[str, Any]) -> Any:
    return Expansion.of(PresetRequest.model_validate(request)).experiment()
