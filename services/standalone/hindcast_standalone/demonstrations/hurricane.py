"""`make hurricane`: the passage that the paper quotes (section 1), and where two models rank its word.

"Additionally, the Mexican Navy was placed on standby for hurricane relief." The paper's own baseline puts *hurricane*
at place 28,553 of 33,279.
"""

import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from hindcast.errors import InvalidInput
from hindcast.settings import Settings
from hindcast_standalone.demonstrations.api_client import ApiClient, retry_upload, submitted
from hindcast_standalone.demonstrations.demo import labelled_jobs, perplexity_table
from hindcast_standalone.demonstrations.files import reading
from hindcast_standalone.demonstrations.server import running_server

PARTS = ("train", "valid", "test")
TARGET = "hurricane"
PASSAGE = "Additionally , the Mexican Navy was placed on standby for hurricane relief"
TITLE_LINE = " = "
"""How a line that opens an article begins; a section's begins with ` = = `."""


@dataclass(frozen=True)
class Context:
    """What a model has read before it is asked for the word."""

    label: str
    text: str


def contexts(lines: list[str]) -> list[Context]:
    """The three contexts of the passage: the document so far, the quoted paragraph, the sentence alone."""
    number = next((number for number, line in enumerate(lines) if PASSAGE in line), None)
    if number is None:
        raise InvalidInput.field("WIKITEXT2", f"the valid file doesn't hold the passage “{PASSAGE}”")
    start = max((at for at in range(number) if _opens_article(lines[at])), default=0)
    before = lines[number][: lines[number].index(PASSAGE) + PASSAGE.index(TARGET)]
    return [
        Context("the document so far", "\n".join([*lines[start:number], before])),
        Context("the quoted paragraph", before),
        Context("the sentence alone", before[before.index(PASSAGE[:12]) :]),
    ]


def _opens_article(line: str) -> bool:
    return line.startswith(TITLE_LINE) and not line.startswith(TITLE_LINE + "= ")


def run(settings: Settings, *, wikitext2: Path, epochs: int, console: Console) -> None:
    """Upload, train a baseline and a model on frozen word2vec, rank; goes on where an earlier run stopped."""
    files = {part: wikitext2 / f"{part}.txt.xz" for part in PARTS}
    for part, path in files.items():
        if not path.is_file():
            raise InvalidInput.field("WIKITEXT2", f"there is no {path}; the folder should hold {part}.txt.xz")
    with reading(files["valid"], option="WIKITEXT2"), lzma.open(files["valid"], "rt", encoding="utf-8") as stream:
        lines = stream.read().split("\n")
    asked = contexts(lines)
    with running_server(settings, console) as url:
        api = ApiClient(url, console)
        for part, path in files.items():
            corpus = api.find("/v1/corpora", f"wikitext-2-{part}")
            if corpus:
                retry_upload(api, corpus)
            else:
                console.print(f"Uploading {path}")
                api.upload(path, name=f"wikitext-2-{part}", format="text", pipeline="wikitext")
        name = f"hurricane-{epochs}-epochs"
        found = submitted(api, "/v1/experiments", experiment(name, epochs=epochs))
        api.wait(labelled_jobs(api, found))
        answer = api.get(f"/v1/experiments/{found['id']}")
        console.print(perplexity_table(answer))
        _print_ranks(api, answer, asked)


def experiment(name: str, *, epochs: int) -> dict[str, Any]:
    """The experiment as it is posted."""
    return {
        "name": name,
        "lm": {
            "train": "wikitext-2-train",
            "valid": "wikitext-2-valid",
            "test": "wikitext-2-test",
            "vocabulary": {"min_count": 1},
            "history": "document",
            "dropout": 0.2,
            "optimizer": {"learning_rate": 2e-3, "batch_size": 32, "bptt": 35, "epochs": epochs, "patience": 2},
        },
        "rows": [
            {"label": "baseline", "pretrain": None, "input": {"type": "learned", "size": 256}},
            {
                "label": "word2vec",
                "pretrain": {"kind": "word2vec", "corpus": "wikitext-2-train", "vocabulary": {"min_count": 1}},
                "input": {"normalization": "unit", "compression": None},
            },
        ],
        "seeds": [1],
        "probes": [],
    }


def _print_ranks(api: ApiClient, answer: Mapping[str, Any], asked: list[Context]) -> None:
    labels = {row["models"][0]: row["label"] for row in answer["rows"] if row["models"]}
    for context in asked:
        body = {"models": list(labels), "context": context.text, "history": "document", "words": [TARGET]}
        ranked = api.post("/v1/rank", body)
        words = len(context.text.split())
        api.console.print(f"\nRank of [bold]{TARGET}[/], given {context.label} ({words} words)")
        for model in ranked["models"]:
            found = model["ranks"][0]
            api.console.print(
                f"  {found['rank']:>7,} of {model['vocabulary_size']:,}  {labels[model['model']]}  "
                f"(probability {found['probability']:.2e})",
                highlight=False,
            )
