"""What `make switchboard` posts: tables of other text, language models of Switchboard on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hindcast_standalone.demonstrations.table1_requests import corpus_name, named
from hindcast_standalone.demonstrations.table1_texts import CORPORA

SWITCHBOARD = "switchboard"
OTHER = tuple(name for name in CORPORA if name not in (SWITCHBOARD, "masc"))
"""Text that tables are pre-trained on. MASC's telephone part may hold the very conversations that are recognised."""
GENERAL_WORDS = 3_000_000
"""That the language model of other text learns, from which one row goes on."""
DROPOUTS = (0.2, 0.5)
"""Tried in every row: there is little text to learn. The one with the lowest perplexity of valid is taken."""
EPOCHS = 30
BATCH = 16
"""Utterances side by side."""


@dataclass(frozen=True)
class Row:
    """A language model, but for its seed and its dropout."""

    key: str
    label: str
    fields: Mapping[str, Any]


def _table(**more: Any) -> Mapping[str, Any]:
    return {"type": "table", "table": word2vec()["name"], "normalization": "unit", **more}


def word2vec() -> dict[str, Any]:
    """The job that makes the table: word2vec of other text and of what is learned, some 11 million words."""
    corpus = {"corpora": [corpus_name(name) for name in (*OTHER, SWITCHBOARD)], "split": "train"}
    return named("switchboard-word2vec", {"kind": "word2vec", "corpus": corpus})


def general(vocabulary: str) -> dict[str, Any]:
    """The job that makes a language model of other text with the words of the model `vocabulary`."""
    corpora = [corpus_name(name) for name in OTHER]
    spec = {
        "kind": "language_model",
        "train": {"corpora": corpora, "split": "train", "limit_tokens": GENERAL_WORDS},
        "valid": {"corpora": corpora, "split": "valid", "limit_tokens": 50_000},
        "vocabulary": {"same_as": vocabulary},
        "input": _table(trainable=True),
        "tied": True,
        "dropout": 0.2,
        "objective": {"type": "sampled_softmax"},
        "optimizer": {"batch_size": 64, "epochs": 4},
    }
    return named("switchboard-general", spec)


ROWS: Sequence[Row] = (
    Row("baseline", "no pre-training", {"input": {"type": "learned", "size": 256}}),
    Row("tied", "no pre-training, tied", {"input": {"type": "learned", "size": 128}, "tied": True}),
    Row("word2vec", "word2vec", {"input": _table()}),
    Row("word2vec-trainable", "word2vec, trained on", {"input": _table(trainable=True)}),
    Row("word2vec-tied", "word2vec, trained on, tied", {"input": _table(trainable=True), "tied": True}),
)
SELF_NORMALIZED = Row(
    "self-normalized",
    "the same, self-normalised",
    {**ROWS[-1].fields, "objective": {"type": "self_normalized"}},
)
"""What a score costs that isn't divided by its sum over the vocabulary: the last row, trained so that it needn't be."""
GENERAL = Row("general", "goes on from a model of other text", {})
"""Its network is the general model's: word2vec, trained on, tied."""


@dataclass(frozen=True)
class Study:
    """How much is trained."""

    epochs: int = EPOCHS
    seeds: int = 3
    history: str = "sentence"
    vocabulary: Mapping[str, Any] = field(default_factory=lambda: {"min_count": 1})

    def model(self, row: Row, *, seed: int, dropout: float) -> dict[str, Any]:
        """The job that makes one."""
        network = {"vocabulary": self.vocabulary, **row.fields}
        if row is GENERAL:
            network = {"init_from": general(self.first())["name"]}
        spec = {
            "kind": "language_model",
            **{split: {"corpus": corpus_name(SWITCHBOARD), "split": split} for split in ("train", "valid", "test")},
            "history": self.history,
            "dropout": dropout,
            "optimizer": {"batch_size": BATCH, "epochs": self.epochs},
            "seed": seed,
            **network,
        }
        return named(f"switchboard-{row.key}", spec)

    def first(self) -> str:
        """The name of the model whose words the general one has, whatever the others' history."""
        name: str = replace(self, history="sentence").model(ROWS[0], seed=1, dropout=DROPOUTS[0])["name"]
        return name
