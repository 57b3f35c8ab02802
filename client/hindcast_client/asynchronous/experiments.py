"""`client.experiments`: rows of pre-training and language models, as one table."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any

from anyio import sleep
from pydantic import BaseModel, PrivateAttr

from hindcast_client.answers import ExperimentAnswer, ExperimentProgress, ExperimentSummary
from hindcast_client.asynchronous.transport import AsyncTransport
from hindcast_client.errors import JobFailed
from hindcast_client.frames import frame_of
from hindcast_client.request import Reference, at, fields_of, get, post
from hindcast_client.waiting import AWAY, ENDED, PATIENCE_SECONDS, POLL_SECONDS, Contact, Deadline, OnAway

if TYPE_CHECKING:
    import pandas as pd

OnRows = Callable[[ExperimentProgress], object]


class AsyncExperiment(ExperimentAnswer):
    """An experiment as it was told, which can be waited for and moved on. It doesn't change: what is asked of it gives
    a new one."""

    _experiments: "AsyncExperiments" = PrivateAttr()

    async def refresh(self) -> "AsyncExperiment":
        """As it is now."""
        return await self._experiments.get(self.id)

    async def wait(
        self, *, timeout: float | None = None, on_progress: OnRows | None = None, patience: float = PATIENCE_SECONDS
    ) -> "AsyncExperiment":
        """As it is once it has succeeded. See `AsyncExperiments.wait`."""
        return await self._experiments.wait(self.id, timeout=timeout, on_progress=on_progress, patience=patience)

    async def rows_frame(self) -> "pd.DataFrame":
        """See `AsyncExperiments.rows_frame`."""
        return await self._experiments.rows_frame(self.id)

    async def cancel(self) -> "AsyncExperiment":
        """See `AsyncExperiments.cancel`."""
        return await self._experiments.cancel(self.id)

    async def retry(self) -> "AsyncExperiment":
        """See `AsyncExperiments.retry`."""
        return await self._experiments.retry(self.id)

    async def delete(self) -> None:
        """See `AsyncExperiments.delete`."""
        await self._experiments.delete(self.id)


class AsyncExperiments:
    """Experiments. Any is meant by its id, by its name, or by itself."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, spec: Mapping[str, Any] | BaseModel | None = None, /, **fields: Any) -> AsyncExperiment:
        """Queues what its rows need: `lm`, `rows`, `seeds` and so on, or `preset` and `corpora`, as a mapping, as a
        pydantic model or by name. See `AsyncJobs.create` for what a `name` is good for."""
        told = fields_of(spec, fields)
        request = post(at("experiments"), told, once="name" not in told)
        return self._bound(await self._transport.ask(request, AsyncExperiment))

    async def get(self, experiment: Reference) -> AsyncExperiment:
        """One experiment, with its table as far as it is known. NotFound."""
        return self._bound(await self._transport.ask(get(at("experiments", experiment)), AsyncExperiment))

    async def list(self, *, status: str | None = None, name: str | None = None) -> AsyncIterator[ExperimentSummary]:
        """All of them without their tables, newest first; pages are asked for as they are needed."""
        async for summary in self._transport.items(at("experiments"), ExperimentSummary, status=status, name=name):
            yield summary

    async def cancel(self, experiment: Reference) -> AsyncExperiment:
        """Cancels those of its jobs that nobody else has a use for."""
        return self._bound(await self._transport.ask(post(at("experiments", experiment, "cancel")), AsyncExperiment))

    async def retry(self, experiment: Reference) -> AsyncExperiment:
        """Queues its failed and cancelled jobs again."""
        return self._bound(await self._transport.ask(post(at("experiments", experiment, "retry")), AsyncExperiment))

    async def delete(self, experiment: Reference) -> None:
        """Removes one that has ended; its jobs, tables and models stay."""
        await self._transport.delete(at("experiments", experiment))

    async def markdown(self, experiment: Reference) -> str:
        """Its table for people."""
        return await self._written(experiment, "markdown")

    async def csv(self, experiment: Reference) -> str:
        """Its table for spreadsheets."""
        return await self._written(experiment, "csv")

    async def rows_frame(self, experiment: Reference) -> "pd.DataFrame":
        """Its table as a frame of pandas, a row for each of its own, named by its label. ModuleNotFoundError without
        pandas."""
        return frame_of(await self.csv(experiment), index="row")

    async def wait(
        self,
        experiment: Reference,
        *,
        timeout: float | None = None,
        on_progress: OnRows | None = None,
        patience: float = PATIENCE_SECONDS,
        on_away: OnAway | None = None,
    ) -> AsyncExperiment:
        """The experiment once all its jobs have ended and a row has succeeded: look at each row's `status`. Raises as
        `jobs.wait` does. `on_progress` is called when jobs have ended or gone on."""
        deadline, contact = Deadline(timeout), Contact(patience, on_away=on_away)
        request = get(at("experiments", experiment))
        seen: ExperimentProgress | None = None
        while True:
            pause = POLL_SECONDS
            try:
                found = self._bound(await self._transport.ask(request, AsyncExperiment, patience=0))
                contact.made()
                if on_progress is not None and found.progress != seen:
                    on_progress(found.progress)
                seen = found.progress
                if found.status in ENDED:
                    return _succeeded(found)
            except AWAY as error:
                pause = contact.pause_after(error)
            deadline.check(f"The experiment {request.path.rpartition('/')[2]}")
            await sleep(min(pause, deadline.left))

    async def _written(self, experiment: Reference, format: str) -> str:
        return (await self._transport.read(get(at("experiments", experiment), accept="*/*", format=format))).decode()

    def _bound(self, experiment: AsyncExperiment) -> AsyncExperiment:
        experiment._experiments = self
        return experiment


def _succeeded(experiment: AsyncExperiment) -> AsyncExperiment:
    if experiment.status == "succeeded":
        return experiment
    reasons = "".join(f" {row.label}: {row.error}" for row in experiment.rows if row.error)
    what = "was cancelled." if experiment.status == "cancelled" else "failed."
    raise JobFailed(f"The experiment {experiment.name or experiment.id} {what}{reasons}", ended=experiment)
