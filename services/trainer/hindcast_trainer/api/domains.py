"""`/v1/domains`: what a text is about."""

from typing import TypeVar

from fastapi import APIRouter

from hindcast.errors import NotFound
from hindcast.jobs.ports import Database
from hindcast.jobs.references import why_not_ready
from hindcast.registry import Resource
from hindcast.text.corpus import CorpusReference, Unit
from hindcast.web.schemas import PageOf, PageQuery, Schema, Timestamp


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


def router(database: Database) -> APIRouter:
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
        with database.transaction() as transaction:
            resource = transaction.resources.get(domains, "domains")
            if not resource.ready:
                raise NotFound(why_not_ready(transaction, resource))
        return _told(DomainsAnswer, resource)

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
