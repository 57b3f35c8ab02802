"""How the corpora and the vocabulary that a specification names become text and words."""

from collections.abc import Mapping, Sequence

from hindcast.lm.bundle import read_vocabulary
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.text.corpus import Corpus, CorpusReference, Text
from hindcast.text.vocabulary import Vocabulary, VocabularySpec
from hindcast_trainer.references import Reference
from hindcast_trainer.work import Work


def corpus_references(field: str, corpus: CorpusReference) -> tuple[Reference, ...]:
    """The corpora that a corpus reference at `field` names."""
    return tuple(Reference(f"{field}.corpora.{place}", ("corpus",), id) for place, id in enumerate(corpus.corpora))


def vocabulary_references(vocabulary: VocabularySpec) -> tuple[Reference, ...]:
    """The model or table whose words are the vocabulary, if it is chosen so."""
    if vocabulary.same_as is None:
        return ()
    return (Reference("vocabulary.same_as", ("model", "table"), vocabulary.same_as),)


def text_of(work: Work, corpus: CorpusReference, *, field: str = "corpus") -> Text:
    """The text of a corpus reference that stands at `field`. InvalidInput where it has none."""
    return Text.resolve(corpus, lambda id: Corpus.open(work.folder(id)), field=field)


def vocabulary_of(work: Work, vocabulary: VocabularySpec, counts: Mapping[str, int]) -> Vocabulary:
    """The vocabulary for a text with these word counts. InvalidInput where nothing would be left of it."""

    def same_as(id: str) -> Sequence[str]:
        folder = work.folder(id)
        if work.resource(id).type == "table":
            return EmbeddingTable.open(folder).words
        return read_vocabulary(folder).words

    return vocabulary.build(counts, same_as=same_as)
