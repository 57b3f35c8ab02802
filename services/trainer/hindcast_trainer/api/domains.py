"""`/v1/domains`: what a text is about."""

from typing import Annotated, TypeVar

from fastapi import APIRouter, Query

from hindcast.errors import Corrupt, Gone, NotFound
from hindcast.jobs.ports import Artifacts, Database
from hindcast.jobs.references import why_not_ready
from hindcast.registry import Resource
from hindcast.text.corpus import Corpus, CorpusReference, Text, Unit
from hindcast.web.schemas import PageOf, PageQuery, Schema, Timestamp
from hindcast_trainer.assignment import DomainAssignment

MOST_EXAMPLES = 100
SHOWN_WORDS = 500
LAST_PLACE = 2**31 - 1


class Cluster(Schema):
    """One domain."""

    id: int
    """What the parts of the text that belong to it are labelled with."""
    label: str
    """Its most telling terms."""
    top_terms: list[str]
    paragraphs: int
    """Parts of the text (of the `unit`) that belong to it."""
    confidence: float
    """Mean over them: cosine with this domain less that with the second."""


class Round(Schema):
    """One adjustment of the clusters."""

    kept: int
    """Parts of the text that were classified with confidence, from which space and clusters were recomputed."""
    moved: int
    """Parts that have another domain since."""
    silhouette: float | None
    """From -1 to 1, by cosine; null where all are in one domain."""


class Agreement(Schema):
    """How far the domains agree with the corpus's own labels."""

    nmi: float
    """Normalised mutual information."""
    purity: float
    """Share that has its domain's most frequent label."""


class DomainsSummary(Schema):
    """The domains of a text, in a list."""

    id: str
    name: str | None
    job: str | None
    """The job that found them."""
    corpus: CorpusReference
    """The text."""
    unit: Unit
    """What has one domain."""
    k: int
    """How many domains."""
    unclassified: int
    """Parts of the text that have no word to tell by."""
    created_at: Timestamp


class DomainsAnswer(DomainsSummary):
    """The domains of a text."""

    clusters: list[Cluster]
    rounds: list[Round]
    agreement: Agreement | None
    """Of the final domains with the labels that documents brought along; null where there are none."""


class Example(Schema):
    """One part of the text."""

    text: str
    """Its words, as the corpus's pipeline split them, with blanks between them; of a long part the first 500, and `…`.
    The text as it was sent isn't kept."""
    words: int
    """All of them."""
    confidence: float
    """Cosine with its domain less that with the second."""
    gold: str | None
    """Its document's own label; null where it has none, or several."""
    corpus: str
    """Its id."""
    split: str
    document: int
    """Which document of the split, of those that have words, it is in, counted from 0: ids that documents came with
    aren't kept."""


class ExamplePage(Schema):
    """Parts of the text that belong to one domain, the surest first."""

    items: list[Example]
    next_cursor: str | None
    """Send it as `cursor` for the page after this one; null on the last."""
    unit: Unit
    """What the parts are."""


def router(database: Database, artifacts: Artifacts) -> APIRouter:
    """/v1/domains. Domains are made by jobs of that kind."""
    api = APIRouter(prefix="/v1/domains", tags=["domains"])

    @api.get("")
    def list_domains(page: PageQuery, name: str | None = None) -> PageOf[DomainsSummary]:
        """Domains that are ready, newest first, without their clusters."""
        with database.transaction() as transaction:
            resources, cursor = transaction.resources.list("domains", page, name=name)
        return PageOf(items=[_told(DomainsSummary, resource) for resource in resources], next_cursor=cursor)

    @api.get("/{domains}")
    def get_domains(domains: str) -> DomainsAnswer:
        """The domains of one text, by id or name."""
        return _told(DomainsAnswer, _ready(database, domains))

    @api.get("/{domains}/clusters/{cluster}/examples")
    def cluster_examples(
        domains: str,
        cluster: int,
        limit: Annotated[int, Query(ge=1, le=MOST_EXAMPLES, description="Examples on a page.")] = 5,
        cursor: Annotated[int, Query(ge=0, le=LAST_PLACE, description="`next_cursor` of the page before.")] = 0,
    ) -> ExamplePage:
        """What one of the domains is about: the parts of the text that belong to it most surely. They are read from
        the corpora: 410 if one of these was deleted."""
        assignment = _assignment(database, artifacts, domains)
        if not 0 <= cluster < assignment.k:
            raise NotFound(f"There is no cluster {cluster} of {domains!r}: it has 0 to {assignment.k - 1}.")
        return _examples(database, artifacts, assignment, cluster, start=cursor, limit=limit)

    @api.delete("/{domains}", status_code=204)
    def delete_domains(domains: str) -> None:
        """Delete domains; 409 while a queued or running job needs them."""
        with database.transaction() as transaction:
            transaction.resources.delete(transaction.resources.get(domains, "domains").id)

    return api


Told = TypeVar("Told", bound=DomainsSummary)


def _told(answer: type[Told], resource: Resource) -> Told:
    known = {"id": resource.id, "name": resource.name, "job": resource.job_id, "created_at": resource.created_at}
    facts = {name: value for name, value in resource.facts.items() if name in answer.model_fields}
    return answer.model_validate({**facts, **known})


def _ready(database: Database, reference: str) -> Resource:
    with database.transaction() as transaction:
        resource = transaction.resources.get(reference, "domains")
        if not resource.ready:
            raise NotFound(why_not_ready(transaction, resource))
    return resource


def _assignment(database: Database, artifacts: Artifacts, reference: str) -> DomainAssignment:
    artifact = _ready(database, reference).artifact
    assert artifact is not None
    return DomainAssignment.open(artifacts.fetch(artifact))


def _examples(
    database: Database, artifacts: Artifacts, assignment: DomainAssignment, cluster: int, *, start: int, limit: int
) -> ExamplePage:
    reference = assignment.corpus
    corpora = {id: _corpus(database, artifacts, id) for id in reference.corpora}
    text = Text.resolve(reference, corpora.__getitem__)
    if text.units(assignment.unit) != len(assignment.labels_U):
        raise Corrupt("The domains don't fit the text that they were found in.")
    members = assignment.surest_of(cluster)
    shown = members[start : start + limit].tolist()
    ids = {corpus.folder: id for id, corpus in corpora.items()}
    items = [
        Example(
            text=" ".join(excerpt.words[:SHOWN_WORDS]) + (" …" if len(excerpt.words) > SHOWN_WORDS else ""),
            words=len(excerpt.words),
            confidence=float(assignment.margins_U[place]),
            gold=excerpt.label,
            corpus=ids[excerpt.corpus.folder],
            split=excerpt.split,
            document=excerpt.document,
        )
        for place, excerpt in zip(shown, text.excerpts(assignment.unit, shown), strict=True)
    ]
    more = start + limit < len(members)
    return ExamplePage(items=items, next_cursor=str(start + limit) if more else None, unit=assignment.unit)


def _corpus(database: Database, artifacts: Artifacts, id: str) -> Corpus:
    try:
        with database.transaction() as transaction:
            artifact = transaction.resources.get(id, "corpus").artifact
        return Corpus.open(artifacts.fetch(artifact or ""))
    except NotFound as error:
        raise Gone(
            f"The corpus {id}, in which these domains were found, was deleted: there is no text to show."
        ) from error
