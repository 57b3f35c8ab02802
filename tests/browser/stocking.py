"""A Hindcast in which nothing needs to be trained any more: tables, a model with few weights, and domains of a text."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from hindcast.adapters.artifacts import FileArtifacts
from hindcast.adapters.database import PostgresDatabase
from hindcast.lm.bundle import Bundle, pack
from hindcast.lm.lstm import LstmSpecification
from hindcast.registry import Resource
from hindcast.settings import Settings
from hindcast.text.corpus import Corpus
from hindcast.text.corpus_writer import CorpusWriter
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.assignment import DomainAssignment

MODEL = "little"
TOPICS = ("storm", "court", "film")
CLUSTERS, EXAMPLES_OF_EACH = 80, 7
_SAID = (
    "the a to of in and was were is it they on no new by for storm storms hit coast cost town towns school schools"
    " close closed clothes river rose rows again tuesday wind winds wins reach reached city heavy rain reign fell"
    " warn warned two days"
)
WORDS = tuple(_SAID.split())
"""Those of the example of the page on rescoring, nearly."""
_JUDGED = "tiger cat coffee cup tea money bank stock market king queen man woman computer keyboard"
JUDGED = tuple(_JUDGED.split())
"""Words of which WordSim-353 has pairs."""
NGRAMS = Path(__file__).parents[1] / "unit/scorer/ngram_files/little.arpa"


def table(words: Sequence[str], *, size: int, seed: int) -> bytes:
    """A table as word2vec's text: words of the same topic lie close together."""
    random = np.random.default_rng(seed)
    topics = random.normal(size=(len(TOPICS), size))
    rows = topics[np.arange(len(words)) % len(TOPICS)] + 0.6 * random.normal(size=(len(words), size))
    lines = [f"{word} {' '.join(f'{value:.5f}' for value in row)}" for word, row in zip(words, rows, strict=True)]
    return "\n".join([f"{len(words)} {size}", *lines, ""]).encode()


def topical(count: int) -> list[str]:
    """Made words, topic by topic in turn: `storm0 court0 film0 storm1 …`."""
    return [f"{TOPICS[number % len(TOPICS)]}{number // len(TOPICS)}" for number in range(count)]


def bundle() -> bytes:
    """A model that knows WORDS, its weights drawn large enough for words to differ."""
    vocabulary = Vocabulary.from_words(WORDS)
    specification = LstmSpecification(vocabulary_size=len(vocabulary), input_size=8, hidden_size=8)
    model = specification.build(seed=2)
    for weight in model.parameters():
        weight.data.mul_(3.0)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bundle").mkdir()
        Bundle(specification, model, vocabulary, "asr", "sentence", {}).save(Path(folder) / "bundle")
        pack(Path(folder) / "bundle", Path(folder) / "packed")
        return (Path(folder) / "packed").read_bytes()


def stock(settings: Settings, url: str) -> None:
    """Put all of it into a Hindcast that is served at `url`."""
    with httpx.Client(base_url=url, timeout=60) as client:
        for name, words, seed in (
            ("coast", [*topical(240), *JUDGED], 1),
            ("inland", [*topical(240)[:180], *WORDS], 2),
        ):
            asked = {"name": name, "format": "word2vec-text"}
            client.post("/v1/tables", params=asked, content=table(words, size=12, seed=seed)).raise_for_status()
        client.post("/v1/models", params={"name": MODEL}, content=bundle()).raise_for_status()
        if find_spec("kenlm"):
            client.post("/v1/ngrams", params={"name": "first-pass"}, content=NGRAMS.read_bytes()).raise_for_status()
    _add_domains(settings)


def _add_domains(settings: Settings) -> None:
    artifacts = FileArtifacts(settings.artifacts, settings.cache_folder)
    with tempfile.TemporaryDirectory() as name:
        corpus, domains = Path(name) / "corpus", Path(name) / "domains"
        corpus.mkdir()
        domains.mkdir()
        text = _write_corpus(corpus)
        assignment = _assignment()
        assignment.save(domains)
        artifacts.put(corpus, "corpora/stocked")
        artifacts.put(domains, "domains/stocked")
    facts = dict(text.statistics)
    with PostgresDatabase(settings.database_url).transaction() as transaction:
        transaction.resources.add(_resource("cor_00000000stocked0", "corpus", "news", "corpora/stocked", facts))
        transaction.resources.add(
            _resource("dom_00000000stocked0", "domains", "topics", "domains/stocked", dict(assignment.facts))
        )


def _resource(id: str, type: Any, name: str, artifact: str, facts: Any) -> Resource:
    return Resource(id, type, name, artifact, facts, 1000, None, datetime.now(UTC))


def _write_corpus(folder: Path) -> Corpus:
    facts = {"sha256": "0", "split_by": "document"}
    with CorpusWriter(folder, pipeline="asr", facts=facts) as writer:
        for cluster in range(CLUSTERS):
            topic = f"{TOPICS[cluster % len(TOPICS)]}{cluster}"
            for number in range(EXAMPLES_OF_EACH):
                writer.add_document([[[topic, "was", "here", f"time{number}"]]], split="train", labels=[topic[:4]])
        writer.close()
    return Corpus.open(folder)


def _assignment() -> DomainAssignment:
    """CLUSTERS domains; the surest of each is its first paragraph."""
    units = CLUSTERS * EXAMPLES_OF_EACH
    labels = np.arange(units, dtype=np.int32) // EXAMPLES_OF_EACH
    margins = (0.9 - 0.1 * (np.arange(units) % EXAMPLES_OF_EACH)).astype(np.float32)
    clusters = [
        {
            **{"id": number, "label": f"{TOPICS[number % 3]}{number}", "paragraphs": EXAMPLES_OF_EACH + number},
            **{"top_terms": [f"{TOPICS[number % 3]}{number}", "here"], "confidence": 0.9 - number / 100},
        }
        for number in range(CLUSTERS)
    ]
    facts = {
        **{"corpus": {"corpora": ["cor_00000000stocked0"], "split": "train", "limit_tokens": None}},
        **{"unit": "paragraph", "k": CLUSTERS, "clusters": clusters, "unclassified": 3},
        **{"rounds": [{"kept": 400, "moved": 31, "silhouette": 0.125}, {"kept": 410, "moved": 0, "silhouette": None}]},
        **{"agreement": {"nmi": 0.494, "purity": 0.847}},
    }
    return DomainAssignment(labels, margins, facts)
