"""What can be told of a job's texts before it runs: a job that is bound to fail is refused when it is submitted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hindcast.errors import FieldError, InvalidInput
from hindcast.registry import Resource
from hindcast.text.corpus import CorpusReference
from hindcast_trainer.labels import of_another_text

LABELLED: Mapping[str, str] = {"domains": "corpus", "auxiliary.domains": "train"}
"""Fields that name domains, each with the field of the text that these are to label."""


def check_texts(spec: Iterable[tuple[str, Any]], ready: Mapping[str, Resource]) -> None:
    """InvalidInput with every corpus reference of the specification that asks for a split that a corpus lacks, or for
    corpora of different pipelines, and with domains that were found in another text. `ready` are the resources that
    can be read already, by the fields that name them; of those still in the making the job itself finds out."""
    texts = {field: value for field, value in spec if isinstance(value, CorpusReference)}
    corpora = {field: _corpora(field, reference, ready) for field, reference in texts.items()}
    wrong = [error for field, reference in texts.items() for error in _within(field, reference, corpora[field])]
    if wrong := wrong or [*_between(corpora), *_elsewhere(texts, corpora, ready)]:
        raise InvalidInput.fields(wrong)


def _corpora(field: str, reference: CorpusReference, ready: Mapping[str, Resource]) -> Sequence[Resource]:
    fields = (f"{field}.corpora.{place}" for place in range(len(reference.corpora)))
    return [ready[each] for each in fields if each in ready]


def _within(field: str, reference: CorpusReference, corpora: Sequence[Resource]) -> Iterator[FieldError]:
    for corpus in corpora:
        splits = [name for name, counts in corpus.facts.get("splits", {}).items() if counts["tokens"]]
        if reference.split is not None and splits and reference.split not in splits:
            there = f"the corpus {corpus.name or corpus.id} has {', '.join(splits)}"
            yield FieldError(f"{field}.split", f"there is no text in {reference.split}: {there}")
    pipelines = _pipelines(corpora)
    if len(set(pipelines)) > 1:
        yield FieldError(f"{field}.corpora", f"must share one pipeline, but have {', '.join(pipelines)}")


def _between(corpora: Mapping[str, Sequence[Resource]]) -> Iterator[FieldError]:
    """Each text that differs from the first."""
    known = [(field, pipelines[0]) for field, found in corpora.items() if (pipelines := _pipelines(found))]
    for field, pipeline in known[1:]:
        first, its = known[0]
        if pipeline != its:
            yield FieldError(field, f"has the pipeline {pipeline}, but the {first} text has {its}")


def _elsewhere(
    texts: Mapping[str, CorpusReference], corpora: Mapping[str, Sequence[Resource]], ready: Mapping[str, Resource]
) -> Iterator[FieldError]:
    """Domains that were found in another text than they are to label."""
    for field, text in LABELLED.items():
        if field not in ready or text not in texts:
            continue
        by_id = texts[text].model_copy(update={"corpora": tuple(corpus.id for corpus in corpora[text])})
        if CorpusReference.model_validate(ready[field].facts["corpus"]) != by_id:
            yield of_another_text(field, text)


def _pipelines(corpora: Sequence[Resource]) -> list[str]:
    return [corpus.facts["pipeline"] for corpus in corpora if "pipeline" in corpus.facts]
