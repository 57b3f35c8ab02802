"""Where a server can be."""

from urllib.parse import urlsplit

from hindcast_client.errors import WrongUrl


def server_at(url: str) -> str:
    """The URL of a server, without a slash at its end. WrongUrl where no server can be."""
    right = f"must be a URL such as http://127.0.0.1:8000, not {url!r}"
    if not isinstance(url, str):
        raise WrongUrl(f"{right}: it is of the type {type(url).__name__}.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise WrongUrl(f"{right}: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WrongUrl(f"{right}: it must begin with http:// or https:// and name a host.")
    if port == 0:
        raise WrongUrl(f"{right}: a port is a number from 1 to 65535.")
    if parts.query or parts.fragment:
        raise WrongUrl(f"{right}: what is asked comes after it, so it can't have a ? or a #.")
    return url.rstrip("/")
