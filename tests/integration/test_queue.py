"""The doorbell over a real Redis that is emptied, stopped and started."""

import pytest

from hindcast.adapters.queue import QUEUE, CeleryQueue
from hindcast.errors import Unavailable
from hindcast_standalone.redis import RedisServer


def messages(server: RedisServer) -> int:
    return int(server.client().llen(QUEUE))


def test_a_ring_is_a_message_that_carries_the_id(own_redis: RedisServer) -> None:
    CeleryQueue(own_redis.url).ring("job_1")
    [message] = own_redis.client().lrange(QUEUE, 0, -1)
    assert b"job_1" in message


def test_an_emptied_redis_takes_messages_again(own_redis: RedisServer) -> None:
    queue = CeleryQueue(own_redis.url)
    queue.ring("job_1")
    own_redis.client().flushall()
    queue.ring("job_2")
    assert messages(own_redis) == 1


def test_a_redis_that_is_away_is_unavailable_until_it_is_back(own_redis: RedisServer) -> None:
    queue = CeleryQueue(own_redis.url)
    queue.ring("job_1")
    own_redis.stop()
    for _ in range(3):
        with pytest.raises(Unavailable, match="The queue is away"):
            queue.ring("job_2")
    own_redis.start()
    queue.ring("job_3")
    assert messages(own_redis) == 1


def test_a_redis_that_never_was_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        CeleryQueue("redis://127.0.0.1:1/0").ring("job_1")
