"""What the environment says of the server."""

import os

DEFAULT_URL = "http://127.0.0.1:8000"


def server_url() -> str:
    """Of $HINDCAST_URL, else of `make up`."""
    return os.environ.get("HINDCAST_URL") or DEFAULT_URL


def server_key() -> str | None:
    """Of $HINDCAST_API_KEY."""
    return os.environ.get("HINDCAST_API_KEY") or None
