"""What every command that asks a server has in common: where it is, the key, and whether its JSON is wanted."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from inspect import Parameter, signature
from types import TracebackType
from typing import Annotated, Any, Concatenate, Self, TypeVar

import typer
from pydantic import BaseModel

from hindcast_client.command_line.failures import failures_told
from hindcast_client.command_line.refusals import Naming, refusals_told
from hindcast_client.request import Request
from hindcast_client.responses import understood
from hindcast_client.settings import DEFAULT_URL
from hindcast_client.synchronous.corpora import Corpora
from hindcast_client.synchronous.experiments import Experiments
from hindcast_client.synchronous.jobs import Jobs
from hindcast_client.synchronous.transport import Transport

_PANEL = "Server and output"

Server = Annotated[str, typer.Option(envvar="HINDCAST_URL", help="Where Hindcast is.", rich_help_panel=_PANEL)]
ApiKey = Annotated[
    str | None,
    typer.Option(envvar="HINDCAST_API_KEY", help="Where it asks for one.", metavar="KEY", rich_help_panel=_PANEL),
]
Json = Annotated[bool, typer.Option("--json", help="Print the server's answer as it is.", rich_help_panel=_PANEL)]

Answered = TypeVar("Answered", bound=BaseModel)


class Connection:
    """A server. It is asked once: whoever waits before a terminal wants to know soon that nobody is there."""

    def __init__(self, url: str, api_key: str | None, *, json: bool, naming: Naming) -> None:
        self.url = url
        self.json = json
        """Answers are printed as they came."""
        self._api_key = api_key
        self._naming = naming

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if "transport" in self.__dict__:
            self.transport.close()

    @cached_property
    def transport(self) -> Transport:
        """What carries requests."""
        return Transport(self.url, api_key=self._api_key, timeout=None, patience=0)

    @cached_property
    def jobs(self) -> Jobs:
        """To be waited for."""
        return Jobs(self.transport)

    @cached_property
    def corpora(self) -> Corpora:
        """To be waited for."""
        return Corpora(self.transport, self.jobs)

    @cached_property
    def experiments(self) -> Experiments:
        """To be waited for."""
        return Experiments(self.transport)

    def answer(self, request: Request, answer: type[Answered]) -> tuple[Answered, bytes]:
        """What a request is answered with, understood and as it came."""
        body = self.transport.read(request)
        with understood(request.path):
            return answer.model_validate_json(body), body

    def tell(self, request: Request, answer: type[Answered], show: Callable[[Answered], None]) -> None:
        """Prints an answer: as it came, if its JSON is wanted, else as `show` does."""
        if self.json:
            print_json(self.transport.read(request))
        else:
            show(self.answer(request, answer)[0])

    def naming(self, naming: Callable[[str], str | None]) -> None:
        """From now on fields are named so where it knows them."""
        before = self._naming
        self._naming = lambda field: naming(field) or before(field)

    @contextmanager
    def refusals_told(self) -> Iterator[None]:
        """Failure in the place of what the client raises."""
        with refusals_told(lambda field: self._naming(field)):
            yield


def print_json(body: bytes) -> None:
    """As it came, on a line of its own."""
    sys.stdout.buffer.write(body if body.endswith(b"\n") else body + b"\n")
    sys.stdout.buffer.flush()


def asking(command: Callable[Concatenate[Connection, ...], None]) -> Callable[..., None]:
    """A command that is given a connection. It gets the options for it, and tells its failures."""

    def called(typed: typer.Context, **given: Any) -> None:
        server, api_key, json = (given.pop(option) for option in ("server", "api_key", "json"))
        naming = _typed(typed)
        with (
            failures_told(),
            Connection(server, api_key, json=json, naming=naming) as connection,
            connection.refusals_told(),
        ):
            command(connection, **given)

    _, *own = signature(command, eval_str=True).parameters.values()
    parameters = [Parameter("typed", Parameter.KEYWORD_ONLY, annotation=typer.Context), *own]
    for name, annotation, default in (
        ("server", Server, DEFAULT_URL),
        ("api_key", ApiKey, None),
        ("json", Json, False),
    ):
        parameters.append(Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation))
    keyword_only = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in parameters]
    called.__signature__ = signature(called).replace(parameters=keyword_only)  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in keyword_only}
    called.__name__, called.__doc__, called.__module__ = command.__name__, command.__doc__, command.__module__
    return called


def _typed(context: typer.Context) -> Naming:
    """A field is named by the option or argument that has its name, or its first or its last: `train.corpus` by
    --train, `optimizer.epochs` by --epochs, `words.1` by the second WORD; else by --set, where a command has that."""
    names: dict[str, str] = {}
    for parameter in context.command.params:
        options = [option for option in parameter.opts if option.startswith("--")] or parameter.opts
        is_option = parameter.param_type_name == "option"
        name = options[0] if is_option else (parameter.metavar or str(parameter.name).upper())
        names[str(parameter.name)] = name
        if not is_option:
            names.setdefault(name.lower(), name)
        given = context.params.get(str(parameter.name))
        if isinstance(given, list | tuple) and len(given) > 1:
            names |= {f"{parameter.name}_{place}": f"{name} {place + 1}" for place in range(len(given))}

    def typed(field: str) -> str:
        first, last = field.partition(".")[0], field.rpartition(".")[2]
        known = names.get(field.replace(".", "_")) or names.get(first) or names.get(last)
        return known or (f"--set {field}=…" if "settings" in names else field)

    return typed
