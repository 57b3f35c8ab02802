"""What a queued job waits for: without that, one behind a long training would look as if it stood still."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from hindcast_client.answer import Page
from hindcast_client.answers import JobAnswer
from hindcast_client.errors import HindcastError
from hindcast_client.request import at, get
from hindcast_client.responses import understood
from hindcast_client.synchronous.transport import Transport
from hindcast_client.waiting import ENDED

FIRST_SECONDS, SECONDS = 3.0, 5.0
"""Until it is asked for the first time, and between."""
MOST_NAMED = 3

Told = Callable[[str], object]


@contextmanager
def waits_told(transport: Transport, job: JobAnswer, told: Told) -> Iterator[None]:
    """Meanwhile `told` is called from another thread with what the job waits for, whenever that is something else."""
    done = Event()
    if job.status == "queued":
        Thread(target=tell_waits, args=(transport, job.id, told, done), daemon=True).start()
    try:
        yield
    finally:
        done.set()


def tell_waits(
    transport: Transport,
    id: str,
    told: Told,
    done: Event,
    *,
    first_seconds: float = FIRST_SECONDS,
    seconds: float = SECONDS,
) -> None:
    """Until the job isn't queued any more, or it is `done`. What can't be asked is told by whoever watches."""
    last, pause = "", first_seconds
    while not done.wait(pause):
        pause = seconds
        try:
            job = transport.ask(get(at("jobs", id)), JobAnswer, patience=0)
            if job.status != "queued":
                return
            what = what_it_waits_for(transport, job)
        except HindcastError:
            continue
        if what != last and not done.is_set():
            told(what)
        last = what


def what_it_waits_for(transport: Transport, job: JobAnswer) -> str:
    """`waits for pretrained, which is running`: the first job that it needs and that hasn't ended; or what it waits
    behind, the jobs that run."""
    for id in job.needs:
        needed = transport.ask(get(at("jobs", id)), JobAnswer, patience=0)
        if needed.status not in ENDED:
            return f"waits for {_called(needed)}, which is {needed.status}"
    page = transport.ask(get(at("jobs"), status="running", limit=MOST_NAMED + 1), Page, patience=0)
    with understood(at("jobs")):
        running = [_called(JobAnswer.model_validate(each)) for each in page.items]
    if not running:
        return "waits for a worker"
    others = " and others" if len(running) > MOST_NAMED else ""
    are = "is" if len(running) == 1 else "are"
    return f"waits behind {', '.join(running[:MOST_NAMED])}{others}, which {are} running"


def _called(job: JobAnswer) -> str:
    return job.name or job.label or job.id
