"""Celery over Redis as the doorbell: a message is a job's id, and may be lost."""

from celery import Celery
from celery.exceptions import CeleryError
from kombu.entity import Exchange, Queue
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from hindcast.errors import Unavailable

RUN_JOB = "hindcast.run_job"
"""The task's name; its one argument is the job's id."""
QUEUE = "hindcast"


def celery_app(broker_url: str) -> Celery:
    """What callers and workers of one broker have in common. `redis://host:6379/0` or `redis+socket:///path`."""
    app = Celery("hindcast", broker=broker_url, set_as_current=False)
    app.conf.update(
        # The nameless exchange needs no binding in Redis, so FLUSHALL takes away messages and nothing else.
        task_queues=[Queue(QUEUE, Exchange(""), routing_key=QUEUE)],  # type: ignore[no-untyped-call]
        task_default_queue=QUEUE,
        task_default_exchange="",
        task_default_routing_key=QUEUE,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        # A message that was heard has done its duty: what it asks for stands in the database.
        task_acks_late=False,
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
            # Who rings is told at once that nobody answers; a worker's own wait for Redis has no end.
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.1,
        },
    )
    return app


class CeleryQueue:
    """See hindcast.jobs.ports.Queue."""

    def __init__(self, broker_url: str) -> None:
        """Nothing is connected yet."""
        self._app = celery_app(broker_url)

    def ring(self, job_id: str) -> None:
        """See hindcast.jobs.ports.Queue."""
        try:
            self._app.send_task(RUN_JOB, args=[job_id], queue=QUEUE)
        except (CeleryError, KombuError, RedisError, OSError) as error:
            raise Unavailable(f"The queue is away: {error}") from error
