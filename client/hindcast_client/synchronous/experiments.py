# Made of hindcast_client/asynchronous/experiments.py by `make client`: change that, not this.
"""`client.experiments`: rows of pre-training and language models, as one table."""

from collections.abc import Callable, Iterator, Mapping
from time import sleep
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, PrivateAttr

from hindcast_client.answers import ExperimentAnswer, ExperimentProgress, ExperimentSummary
from hindcast_client.errors import JobFailed
from hindcast_client.frames import frame_of
from hindcast_client.request import Reference, at, fields_of, get, post
from hindcast_client.synchronous.transport import Transport
from hindcast_client.waiting import AWAY, ENDED, PATIENCE_SECONDS, POLL_SECONDS, Contact, Deadline, OnAway

if TYPE_CHECKING:
    import pandas as pd

OnRows = Callable[[ExperimentProgress], object]


class Experiment(ExperimentAnswer):
    """An experiment as it was told, which can be waited for and moved on. It doesn't change: what is asked of it gives
    a new one."""

    _experiments: "Experiments" = PrivateAttr()

    def refresh(self) -> "Experiment":
        """As it is now."""
        return self._experiments.get(self.id)

    def wait(
        self, *, timeout: float | None = None, on_progress: OnRows | None = None, patience: float = PATIENCE_SECONDS
    ) -> "Experiment":
        """As it is once it has succeeded. See `Experiments.wait`."""
        return self._experiments.wait(self.id, timeout=timeout, on_progress=on_progress, patience=patience)

    def rows_frame(self) -> "pd.DataFrame":
        """See `Experiments.rows_frame`."""
        return self._experiments.rows_frame(self.id)

    def cancel(self) -> "Experiment":
        """See `Experiments.cancel`."""
        return self._experiments.cancel(self.id)

    def retry(self) -> "Experiment":
        """See `Experiments.retry`."""
        return self._experiments.retry(self.id)

    def delete(self) -> None:
        """See `Experiments.delete`."""
        self._experiments.delete(self.id)


class Experiments:
    """Experiments. Any is meant by its id, by its name, or by itself."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, spec: Mapping[str, Any] | BaseModel | None = None, /, **fields: Any) -> Experiment:
        """Queues what its rows need: `lm`, `rows`, `seeds` and so on, or `preset` and `corpora`, as a mapping, as a
        pydantic model or by name. See `Jobs.create` for what a `name` is good for."""
        told = fields_of(spec, fields)
        request = post(at("experiments"), told, once="name" not in told)
        return self._bound(self._transport.ask(request, Experiment))

    def get(self, experiment: Reference) -> Experiment:
        """One experiment, with its table as far as it is known. NotFound."""
        return self._bound(self._transport.ask(get(at("experiments", experiment)), Experiment))

    def list(self, *, status: str | None = None, name: str | None = None) -> Iterator[ExperimentSummary]:
        """All of them without their tables, newest first; pages are asked for as they are needed."""
        yield from self._transport.items(at("experiments"), ExperimentSummary, status=status, name=name)

    def cancel(self, experiment: Reference) -> Experiment:
        """Cancels those of its jobs that nobody else has a use for."""
        return self._bound(self._transport.ask(post(at("experiments", experiment, "cancel")), Experiment))

    def retry(self, experiment: Reference) -> Experiment:
        """Queues its failed and cancelled jobs again."""
        return self._bound(self._transport.ask(post(at("experiments", experiment, "retry")), Experiment))

    def delete(self, experiment: Reference) -> None:
        """Removes one that has ended; its jobs, tables and models stay."""
        self._transport.delete(at("experiments", experiment))

    def markdown(self, experiment: Reference) -> str:
        """Its table for people."""
        return self._written(experiment, "markdown")

    def csv(self, experiment: Reference) -> str:
        """Its table for spreadsheets."""
        return self._written(experiment, "csv")

    def rows_frame(self, experiment: Reference) -> "pd.DataFrame":
        """Its table as a frame of pandas, a row for each of its own, named by its label. ModuleNotFoundError without
        pandas."""
        return frame_of(self.csv(experiment), index="row")

    def wait(
        self,
        experiment: Reference,
        *,
        timeout: float | None = None,
        on_progress: OnRows | None = None,
        patience: float = PATIENCE_SECONDS,
        on_away: OnAway | None = None,
    ) -> Experiment:
        """The experiment once all its jobs have ended and a row has succeeded: look at each row's `status`. Raises as
        `jobs.wait` does. `on_progress` is called when jobs have ended or gone on."""
        deadline, contact = Deadline(timeout), Contact(patience, on_away=on_away)
        request = get(at("experiments", experiment))
        seen: ExperimentProgress | None = None
        while True:
            pause = POLL_SECONDS
            try:
                found = self._bound(self._transport.ask(request, Experiment, patience=0))
                contact.made()
                if on_progress is not None and found.progress != seen:
                    on_progress(found.progress)
                seen = found.progress
                if found.status in ENDED:
                    return _succeeded(found)
            except AWAY as error:
                pause = contact.pause_after(error)
            deadline.check(f"The experiment {request.path.rpartition('/')[2]}")
            sleep(min(pause, deadline.left))

    def _written(self, experiment: Reference, format: str) -> str:
        return (self._transport.read(get(at("experiments", experiment), accept="*/*", format=format))).decode()

    def _bound(self, experiment: Experiment) -> Experiment:
        experiment._experiments = self
        return experiment


def _succeeded(experiment: Experiment) -> Experiment:
    if experiment.status == "succeeded":
        return experiment
    reasons = "".join(f" {row.label}: {row.error}" for row in experiment.rows if row.error)
    what = "was cancelled." if experiment.status == "cancelled" else "failed."
    raise JobFailed(f"The experiment {experiment.name or experiment.id} {what}{reasons}", ended=experiment)
