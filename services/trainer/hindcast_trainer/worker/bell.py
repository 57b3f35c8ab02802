"""Celery, which hears the doorbell and gives each message a thread."""

import signal
import threading

from celery import Celery
from celery.worker import state

from hindcast.adapters.queue import RUN_JOB
from hindcast_trainer.worker.worker import Worker


def listen(app: Celery, worker: Worker, *, slots: int) -> None:
    """Run what is rung for until SIGTERM or SIGINT, then give back what is running and return."""

    @app.task(name=RUN_JOB)  # type: ignore[untyped-decorator]
    def run_job(id: str) -> None:
        worker.run_job(id)

    def stop(*_: object) -> None:
        worker.stop()
        state.should_stop = 0

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    own_threads = [threading.Thread(target=worker.sweep_until_stopped, name="sweep")]
    for place in range(worker.quick_places):
        own_threads.append(threading.Thread(target=worker.run_quick_until_stopped, name=f"quick {place}"))
    for thread in own_threads:
        thread.start()
    try:
        app.WorkController(
            pool_cls="threads",
            concurrency=slots,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        ).start()
    finally:
        worker.stop()
        for thread in own_threads:
            thread.join()
