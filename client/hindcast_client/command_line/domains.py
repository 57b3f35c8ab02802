"""`hindcast domains …`: what texts are about, as jobs of the kind `domains` found it."""

from typing import Annotated

import typer

from hindcast_client.answers import DomainsAnswer, DomainsSummary, ExamplePage
from hindcast_client.command_line import names
from hindcast_client.command_line.connection import Connection, asking
from hindcast_client.command_line.failures import tell
from hindcast_client.command_line.listing import Column, ago, figure, print_table
from hindcast_client.command_line.pages import FIRST_PAGE, Cursor, Limit, Name, Yes, list_page, remove
from hindcast_client.request import at, get

app = typer.Typer(help="Domains: what texts are about.", no_args_is_help=True)

COLUMNS = (
    Column("ID"),
    Column("NAME", flexible=True),
    figure("DOMAINS"),
    Column("UNIT"),
    Column("CORPORA", flexible=True, spare=True),
    Column("CREATED", ago),
)
CLUSTERS = (
    figure("DOMAIN"),
    figure("PARTS"),
    figure("CONFIDENCE", "{:.3f}".format),
    Column("TOP TERMS", flexible=True),
)
EXAMPLES = (figure("CONFIDENCE", "{:.3f}".format), Column("GOLD", spare=True), Column("TEXT", flexible=True))


@app.command("list")
@asking
def list_(to: Connection, name: Name = None, limit: Limit = FIRST_PAGE, cursor: Cursor = None) -> None:
    """List sets of domains, the newest first.

    Examples:

    hindcast domains list
    """
    list_page(to, "domains", DomainsSummary, COLUMNS, _row, name=name, limit=limit, cursor=cursor)


@app.command("show")
@asking
def show(to: Connection, domains: names.Domains) -> None:
    """Show the domains of a text: how much belongs to each, and what tells it.

    Examples:

    hindcast domains show topics

    hindcast domains show topics --json | jq '.clusters[0].top_terms'
    """
    to.tell(get(at("domains", domains)), DomainsAnswer, _clusters)


@app.command("examples")
@asking
def examples(
    to: Connection,
    domains: names.Domains,
    domain: Annotated[int, typer.Argument(metavar="DOMAIN", help="Its number.", show_default=False)],
    limit: Annotated[int, typer.Option("--limit", "-n", help="At most so many.")] = 5,
) -> None:
    """Show the parts of the text that a domain is surest of.

    Examples:

    hindcast domains examples topics 3
    """

    def show(page: ExamplePage) -> None:
        print_table(EXAMPLES, [(each.confidence, each.gold, each.text) for each in page.items])

    to.tell(get(at("domains", domains, "clusters", str(domain), "examples"), limit=limit), ExamplePage, show)


@app.command("rm")
@asking
def rm(to: Connection, domains: names.SeveralDomains, yes: Yes = False) -> None:
    """Delete sets of domains that no job needs.

    Examples:

    hindcast domains rm topics
    """
    remove(to, "domains", domains, yes=yes)


def _row(found: DomainsSummary) -> tuple[object, ...]:
    split = f":{found.corpus.split}" if found.corpus.split else ""
    return found.id, found.name, found.k, found.unit, " ".join(found.corpus.corpora) + split, found.created_at


def _clusters(found: DomainsAnswer) -> None:
    print_table(
        CLUSTERS,
        [(each.id, each.paragraphs, each.confidence, " ".join(each.top_terms)) for each in found.clusters],
    )
    if found.agreement:
        tell(f"With the corpus's own labels: NMI {found.agreement.nmi:.3f}, purity {found.agreement.purity:.3f}.")
