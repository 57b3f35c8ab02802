"""What can be told of a job's texts before it runs: a job that is bound to fail is refused when it is submitted."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from hindcast.errors import FieldError, InvalidInput
from hindcast.jobs.job import Job
from hindcast.registry import Resource
from hindcast.text.corpus import CorpusReference
from hindcast_trainer.labels import GOLD, of_another_text, telling_nothing

LABELLED: Mapping[str, str] = {"domains": "corpus", "auxiliary.domains": "train"}
"""Fields that name domains, each with the field of the text that these are to label."""


def check_texts(
    spec: Iterable[tuple[str, Any]], found: Mapping[str, Resource], *, made_by: Callable[[Resource], Job]
) -> None:
    """InvalidInput with every corpus reference of the specification that asks for a split that a corpus lacks, or for
    corpora of different pipelines, and with domains of another text or of none. `found` are the resources by the fields
    that name them; what only the facts of one still in the making would tell, the job itself finds out."""
    fields = dict(spec)
    texts = {field: value for field, value in fields.items() if isinstance(value, CorpusReference)}
    corpora = {field: _corpora(field, reference, found) for field, reference in texts.items()}
    wrong = [error for field, reference in texts.items() for error in _within(field, reference, corpora[field])]
    for field, text in LABELLED.items():
        if text in texts and not wrong:
            by_id = texts[text].model_copy(update={"corpora": tuple(corpus.id for corpus in corpora[text])})
            if _at(fields, field) == GOLD:
                wrong += _telling_nothing(field, corpora[text])
            elif (domains := found.get(field)) is not None:
                told = domains.facts if domains.ready else made_by(domains).spec
                wrong += _elsewhere(field, text, by_id, CorpusReference.model_validate(told["corpus"]))
    if wrong := wrong or list(_between(corpora)):
        raise InvalidInput.fields(wrong)


def _corpora(field: str, reference: CorpusReference, found: Mapping[str, Resource]) -> Sequence[Resource]:
    fields = (f"{field}.corpora.{place}" for place in range(len(reference.corpora)))
    return [found[each] for each in fields if each in found]


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


def _telling_nothing(field: str, corpora: Sequence[Resource]) -> Iterator[FieldError]:
    """Gold labels, where the corpora are known to have fewer than two."""
    if all("domains" in corpus.facts for corpus in corpora):
        labels = {label for corpus in corpora for label in corpus.facts["domains"]}
        if len(labels) < 2:
            yield telling_nothing(field, "document", len(labels))


def _elsewhere(field: str, text_field: str, text: CorpusReference, found_in: CorpusReference) -> Iterator[FieldError]:
    """Domains that were, or will be, found in another text than they are to label."""
    if found_in != text:
        yield of_another_text(field, text_field, found_in)


def _at(fields: Mapping[str, Any], path: str) -> Any:
    """What stands at a dotted path, if anything."""
    first, _, rest = path.partition(".")
    value = fields.get(first)
    return _at(dict(value), rest) if rest and value is not None else value


def _pipelines(corpora: Sequence[Resource]) -> list[str]:
    return [corpus.facts["pipeline"] for corpus in corpora if "pipeline" in corpus.facts]
