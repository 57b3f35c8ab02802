"""The synchronous and the asynchronous client, asked in the same words: a test of one is a test of both."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from hindcast_client import AsyncHindcast


class Waited:
    """An asynchronous client as if it were a synchronous one: what it gives is waited for."""

    def __init__(self, of: Any, runner: asyncio.Runner) -> None:
        self._of = of
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._of, name)
        if callable(found):
            return lambda *given, **named: self._result(
                found(*map(_bare, given), **{name: _bare(value) for name, value in named.items()})
            )
        return Waited(found, self._runner) if type(found).__module__.startswith("hindcast_client.async") else found

    def __repr__(self) -> str:
        return repr(self._of)

    def _result(self, given: Any) -> Any:
        if isinstance(given, AsyncIterator):
            return self._items(given)
        result = self._runner.run(_awaited(given)) if asyncio.iscoroutine(given) else given
        return Waited(result, self._runner) if type(result).__module__.startswith("hindcast_client.async") else result

    def _items(self, given: AsyncIterator[Any]) -> Any:
        async def following() -> Any:
            return await anext(given)

        while True:
            try:
                yield self._runner.run(following())
            except StopAsyncIteration:
                return


def _bare(given: Any) -> Any:
    return given._of if isinstance(given, Waited) else given


async def _awaited(given: Any) -> Any:
    return await given


def waited(*given: Any, runner: asyncio.Runner, **named: Any) -> Any:
    """An AsyncHindcast, in the clothes of a Hindcast."""
    return Waited(AsyncHindcast(*given, **named), runner)
