"""Clients of servers of every temper."""

import pytest
from misbehaving import Misbehaving


@pytest.fixture
def server():
    """One that does as the test says, and is there."""
    server = Misbehaving()
    with server.there():
        yield server


@pytest.fixture
def client(client_of, server):
    return client_of(server.url, patience=20)
