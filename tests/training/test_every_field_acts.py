"""No field of a specification is only read, checked and told in the card: with another value, another thing is made.

Of every kind that can be posted, a tiny job is run as a base says and again with one field changed. What the spec is
repeated in (cards, facts) is left out of the comparison: it would differ whatever the field does.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import numpy as np
import pytest
from pydantic import BaseModel

from hindcast.lm.bundle import Bundle
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.registry import ResourceType
from hindcast.text.corpus_writer import CorpusWriter
from hindcast_trainer.assignment import DomainAssignment
from hindcast_trainer.kinds import POSTABLE, parse
from hindcast_trainer.testing import LocalWork, MemoryTables
from hindcast_trainer.work import Produced

Document = Mapping[str, Any]

TOPICS = ("boat", "court", "farm")
LETTERS = "abcdef"
VOCABULARY = [topic + letter for topic in TOPICS for letter in LETTERS]


@dataclass(frozen=True)
class Made:
    """What a job made, without what it says of its specification."""

    content: Mapping[str, Any]
    """Words and numbers as they are stored."""
    figures: Mapping[str, float]
    """Of the job, but for its speed."""


@dataclass(frozen=True)
class Case:
    """A field, and a job in which it matters."""

    path: str
    other: Any
    """Another value than the base has, or leaves to the default."""
    base: Document
    seen: str = "content"
    """Where the difference is: fields that choose among weights, or what is reported of them, change figures alone."""

    @property
    def changed(self) -> Document:
        """The base with the other value."""
        return with_value(self.base, self.path.split("."), self.other)


def with_value(document: Document, path: list[str], value: Any) -> Document:
    """The document with a value put at a path."""
    first, *rest = path
    return {**document, first: with_value(document.get(first) or {}, rest, value) if rest else value}


def text_cases(path: str, base: Document, seen: str = "content") -> list[Case]:
    """Of the corpus reference that stands there."""
    text = {"corpora": ["cor_1"]}
    return [
        Case(f"{path}.corpora", ["cor_2"], with_value(base, [path], text), seen),
        Case(f"{path}.split", "spring", with_value(base, [path], text), seen),
        Case(f"{path}.limit_tokens", 150, with_value(base, [path], text), seen),
    ]


def vocabulary_cases(base: Document) -> list[Case]:
    """Of how the vocabulary is chosen, each way compared with itself."""
    choices = {
        "size": (12, 9),
        "min_count": (1, 15),
        "words": (VOCABULARY, VOCABULARY[3:]),
        "same_as": ("tab_1", "tab_2"),
    }
    return [
        Case(f"vocabulary.{way}", other, {**base, "vocabulary": {way: value}})
        for way, (value, other) in choices.items()
    ]


DOMAINS: Document = {"kind": "domains", "corpus": "cor_1", "k": 3, "lsa_size": 6, "rounds": 2, "confidence": 0.3}
WORD2VEC: Document = {"kind": "word2vec", "corpus": "cor_1", "size": 4, "epochs": 1}
LSA: Document = {"kind": "lsa", "corpus": "cor_1", "size": 4}
BILSTM: Document = {
    "corpus": "cor_1",
    "size": 4,
    "input_size": 3,
    "epochs": 1,
    "optimizer": {"batch_size": 16, "learning_rate": 0.01},
}
BILSTM_LM: Document = {"kind": "bilstm_lm", **BILSTM}
BILSTM_DOMAIN: Document = {"kind": "bilstm_domain", "domains": "gold", **BILSTM}
CONCATENATION: Document = {"kind": "concatenation", "tables": ["tab_1", "tab_2"]}
LANGUAGE_MODEL: Document = {
    "kind": "language_model",
    "train": "cor_1",
    "hidden_size": 4,
    "input": {"type": "learned", "size": 3},
    "optimizer": {"epochs": 1, "batch_size": 16, "learning_rate": 0.01},
}
# So slow that no epoch after the first betters what isn't learned: the rate is halved, and patience runs out.
SLOW: Document = {"batch_size": 16, "learning_rate": 1e-5, "patience": None}
HELD_OUT: Document = {
    **LANGUAGE_MODEL,
    "train": {"corpora": ["cor_1"], "split": "spring"},
    "valid": {"corpora": ["cor_2"], "split": "autumn"},
    "optimizer": {**SLOW, "epochs": 3},
}
ON_A_TABLE: Document = {**LANGUAGE_MODEL, "input": {"type": "table", "table": "tab_1"}}
TWO_TASKS: Document = {
    **LANGUAGE_MODEL,
    "auxiliary": {"domains": "gold"},
    "optimizer": {**LANGUAGE_MODEL["optimizer"], "epochs": 2},
}
ADAPTED: Document = {
    "kind": "language_model",
    "train": "cor_1",
    "init_from": "lm_1",
    "optimizer": LANGUAGE_MODEL["optimizer"],
}
# A single document has no order.
ONE_DOCUMENT: Document = {
    "train": {"corpora": ["cor_1"], "limit_tokens": 25},
    "history": "document",
    "optimizer": {**LANGUAGE_MODEL["optimizer"], "batch_size": 1},
}


def bilstm_cases(base: Document) -> list[Case]:
    """Of what both objectives share."""
    return [
        *text_cases("corpus", base),
        *vocabulary_cases(base),
        Case("seed", 2, base),
        Case("size", 6, base),
        Case("input_size", 5, base),
        Case("state", "hidden", base),
        Case("combine", "average", base),
        Case("clip", 0.01, base),
        Case("epochs", 2, base, seen="figures"),
        Case("optimizer.learning_rate", 0.02, base),
        Case("optimizer.batch_size", 8, base),
        Case("optimizer.patience", 1, {**base, "epochs": 3, "optimizer": SLOW}, seen="figures"),
        Case("optimizer.clip_norm", 0.01, base),
    ]


CASES: Mapping[str, list[Case]] = {
    "domains": [
        *text_cases("corpus", DOMAINS),
        Case("unit", "document", DOMAINS),
        Case("k", 2, DOMAINS),
        Case("initial_clusters", 9, DOMAINS),
        Case("lsa_size", 4, DOMAINS),
        Case("rounds", 1, DOMAINS),
        Case("confidence", 0.6, DOMAINS),
        Case("seed", 2, DOMAINS),
    ],
    "word2vec": [
        *text_cases("corpus", WORD2VEC),
        *vocabulary_cases(WORD2VEC),
        Case("seed", 2, WORD2VEC),
        Case("unit", "paragraph", WORD2VEC),
        Case("size", 5, WORD2VEC),
        Case("window", 2, WORD2VEC),
        Case("negative", 3, WORD2VEC),
        Case("epochs", 2, WORD2VEC),
        Case("skip_gram", True, WORD2VEC),
    ],
    "lsa": [
        *text_cases("corpus", LSA),
        *vocabulary_cases(LSA),
        Case("seed", 2, LSA),
        Case("unit", "document", LSA),
        Case("size", 5, LSA),
        Case("weighting", "tf_idf", LSA),
    ],
    "bilstm_lm": [
        *bilstm_cases(BILSTM_LM),
        Case("unit", "paragraph", BILSTM_LM),
        Case("samples", 4, BILSTM_LM),
    ],
    "bilstm_domain": [
        *bilstm_cases(BILSTM_DOMAIN),
        Case("unit", "sentence", BILSTM_DOMAIN),
        Case("domains", "dom_1", BILSTM_DOMAIN),
    ],
    "concatenation": [
        Case("tables", ["tab_2", "tab_1"], CONCATENATION),
        Case("normalization", "standardize", CONCATENATION),
    ],
    "language_model": [
        *text_cases("train", LANGUAGE_MODEL),
        Case("valid", None, HELD_OUT),
        *text_cases("valid", LANGUAGE_MODEL, seen="figures"),
        Case("test", "cor_2", LANGUAGE_MODEL, seen="figures"),
        *text_cases("test", LANGUAGE_MODEL, seen="figures"),
        Case("init_from", "lm_2", ADAPTED),
        *vocabulary_cases(LANGUAGE_MODEL),
        Case("history", "document", LANGUAGE_MODEL),
        Case("input", {"type": "table", "table": "tab_1"}, LANGUAGE_MODEL),
        Case("input.size", 5, LANGUAGE_MODEL),
        Case("input.table", "tab_2", ON_A_TABLE),
        Case("input.normalization", "standardize", ON_A_TABLE),
        Case("input.trainable", True, ON_A_TABLE),
        Case("input.compression", 2, ON_A_TABLE),
        Case("hidden_size", 6, LANGUAGE_MODEL),
        Case("layers", 2, LANGUAGE_MODEL),
        Case("dropout", 0.5, LANGUAGE_MODEL),
        Case("dropout", 0.5, ADAPTED),
        Case("tied", True, LANGUAGE_MODEL),
        Case("objective", {"type": "sampled_softmax"}, LANGUAGE_MODEL),
        Case("objective", {"type": "self_normalized"}, ADAPTED),
        Case("objective.samples", 3, {**LANGUAGE_MODEL, "objective": {"type": "sampled_softmax", "samples": 9}}),
        Case("objective.penalty", 5.0, {**LANGUAGE_MODEL, "objective": {"type": "self_normalized"}}),
        Case("auxiliary", {"domains": "gold"}, LANGUAGE_MODEL),
        Case("auxiliary.domains", "dom_1", TWO_TASKS),
        Case("auxiliary.weight", 2.0, TWO_TASKS),
        Case("auxiliary.schedule", "linear", TWO_TASKS),
        Case("optimizer.learning_rate", 0.02, LANGUAGE_MODEL),
        Case("optimizer.batch_size", 8, LANGUAGE_MODEL),
        Case("optimizer.bptt", 2, LANGUAGE_MODEL),
        Case("optimizer.epochs", 2, LANGUAGE_MODEL),
        Case("optimizer.patience", 1, HELD_OUT, seen="figures"),
        Case("optimizer.clip_norm", 0.01, LANGUAGE_MODEL),
        # All that a seed is said to be of, where there is nothing else to be drawn.
        Case("seed", 2, {**LANGUAGE_MODEL, **ONE_DOCUMENT}),
        Case("seed", 2, ADAPTED),
        Case("seed", 2, {**ADAPTED, **ONE_DOCUMENT, "dropout": 0.5}),
    ],
}
EXEMPT: Mapping[str, set[str]] = {
    "word2vec": {"workers"},  # makes it fast, not other; its own tests count the threads
}
TAGS = {"kind", "type"}
"""Fields that say which specification, or which part of one, the others belong to."""


def fields_of(model: Any, prefix: str = "") -> Iterator[str]:
    """The dotted paths of all fields, those of the parts among them; of a part also itself where there is a choice."""
    for name, info in model.model_fields.items():
        if name not in TAGS:
            path = f"{prefix}{name}"
            choice = options(info.annotation)
            parts = [option for option in choice if isinstance(option, type) and issubclass(option, BaseModel)]
            if len(choice) > 1 or not parts:
                yield path
            for part in parts:
                yield from fields_of(part, f"{path}.")


def options(annotation: Any) -> tuple[Any, ...]:
    """What a field can be."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


@dataclass
class Workshop:
    """Runs jobs, each specification once."""

    work: LocalWork
    folder: Path
    _made: dict[str, Made] = field(default_factory=dict)

    def made(self, spec: Document) -> Made:
        """What a job of that specification makes."""
        key = json.dumps(parse(spec["kind"], spec).model_dump(mode="json"))
        if key not in self._made:
            self._made[key] = self.made_anew(spec)
        return self._made[key]

    def made_anew(self, spec: Document) -> Made:
        """The same, though it was made before."""
        produced = self.produced(spec)
        assert produced.folder is not None
        figures = {name: value for name, value in produced.metrics.items() if name != "tokens_per_second"}
        return Made(CONTENT[spec["kind"]](produced.folder), figures)

    def produced(self, spec: Document) -> Produced:
        """What a job of that specification leaves behind."""
        scratch = self.folder / f"job {len(list(self.folder.iterdir()))}"
        scratch.mkdir()
        return parse(spec["kind"], spec).run(replace(self.work, scratch=scratch))


def table_content(folder: Path) -> Document:
    table = EmbeddingTable.open(folder)
    return {"words": table.words, "vectors": table.vectors.tolist()}


def domains_content(folder: Path) -> Document:
    found = DomainAssignment.open(folder)
    return {"labels": found.labels_U.tolist(), "margins": found.margins_U.tolist()}


def model_content(folder: Path) -> Document:
    bundle = Bundle.open(folder)
    weights = {name: tensor.tolist() for name, tensor in bundle.model.tensors().items()}
    return {"words": bundle.vocabulary.words, **weights}


CONTENT: Mapping[str, Callable[[Path], Document]] = {
    "domains": domains_content,
    "language_model": model_content,
} | dict.fromkeys(("word2vec", "lsa", "bilstm_lm", "bilstm_domain", "concatenation"), table_content)


def write_corpus(folder: Path, *, seed: int) -> None:
    """Documents of two paragraphs of two sentences, each about one of three topics, in the splits of two seasons."""
    random = np.random.default_rng(seed)
    folder.mkdir()
    with CorpusWriter(folder, pipeline="plain") as writer:
        for number in range(12):
            topic = TOPICS[number % len(TOPICS)]
            own = [word for word in VOCABULARY if word.startswith(topic)]

            def sentence(own: list[str] = own) -> list[str]:
                drawn = random.choice(own, random.integers(3, 8)), random.choice(VOCABULARY, random.integers(0, 3))
                return [str(word) for word in random.permutation(np.concatenate(drawn))]

            paragraphs = [[sentence() for _ in range(2)] for _ in range(2)]
            writer.add_document(paragraphs, split="spring" if number < 8 else "autumn", labels=[topic])
        writer.close()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """With two of all that jobs can refer to."""
    folder = tmp_path_factory.mktemp("workshop")
    random = np.random.default_rng(1)
    words = ("<unk>", "</s>", *VOCABULARY)
    tables = {
        "tab_1": EmbeddingTable(words, random.normal(size=(len(words), 3)).astype(np.float32)),
        "tab_2": EmbeddingTable(words[:-4], random.normal(size=(len(words) - 4, 3)).astype(np.float32)),
    }
    work = LocalWork(folder, tables=MemoryTables(tables))
    for number in (1, 2):
        write_corpus(folder / f"corpus {number}", seed=number)
        work.add(f"cor_{number}", "corpus", folder / f"corpus {number}")
        (folder / f"table {number}").mkdir()
        tables[f"tab_{number}"].save(folder / f"table {number}")
        work.add(f"tab_{number}", "table", folder / f"table {number}")
    (folder / "jobs").mkdir()
    workshop = Workshop(work, folder / "jobs")
    # Other domains than the labels of the documents: those of paragraphs, and only two.
    earlier: list[tuple[str, ResourceType, Document]] = [
        ("dom_1", "domains", {**DOMAINS, "unit": "paragraph", "k": 2}),
        ("lm_1", "model", LANGUAGE_MODEL),
        ("lm_2", "model", {**LANGUAGE_MODEL, "seed": 2}),
    ]
    for id, type, spec in earlier:
        made = workshop.produced(spec)
        assert made.folder is not None
        work.add(id, type, made.folder)
    return workshop


ALL_CASES = [pytest.param(case, id=f"{kind}-{case.path}") for kind, cases in CASES.items() for case in cases]


@pytest.mark.parametrize("case", ALL_CASES)
def test_another_value_of_a_field_makes_another_thing(workshop: Workshop, case: Case) -> None:
    as_it_was, changed = workshop.made(case.base), workshop.made(case.changed)
    assert getattr(changed, case.seen) != getattr(as_it_was, case.seen)


@pytest.mark.parametrize("kind", POSTABLE)
def test_the_same_specification_makes_the_same_thing_again(workshop: Workshop, kind: str) -> None:
    """Or else the other test would hold of a field that does nothing."""
    bases = [case.base for case in CASES[kind]]
    for base in (bases[0], bases[-1]):
        assert workshop.made_anew(base) == workshop.made(base)


@pytest.mark.parametrize("kind", POSTABLE)
def test_no_field_of_what_can_be_posted_lacks_a_case(kind: str) -> None:
    fields = set(fields_of(type(parse(kind, CASES[kind][0].base))))
    assert {case.path for case in CASES[kind]} | EXEMPT.get(kind, set()) == fields
