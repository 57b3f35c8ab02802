"""Where the servers keep their files."""

import hashlib
import os
import secrets
import stat
import tempfile
from pathlib import Path

from hindcast_standalone.child import CannotStart

SOCKET_PATH_BYTES = 107
"""Longest path of a Unix socket on Linux; macOS allows three fewer."""
LONGEST_SOCKET_NAME = "/.s.PGSQL.5432.lock"
SYSTEM_FOLDER = Path("/var/lib/hindcast")
"""For root: a home such as /root is closed to the unprivileged account that PostgreSQL insists on."""


IDENTITY = "identity"


def digest(path: Path) -> str:
    """A short name for a path."""
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]


def mark(home: Path) -> None:
    """Tell a new home from any that was in its place: for root its database lies elsewhere, and stays when a home is
    removed. What another home's files were known by must not be taken for ours."""
    (home / IDENTITY).write_text(secrets.token_hex(4), encoding="utf-8")


def postgres_folder(home: Path) -> Path:
    """Where the database of a `home` lies."""
    if os.geteuid() != 0:
        return home / "postgres"
    identity = home / IDENTITY
    return SYSTEM_FOLDER / "-".join([digest(home), *([identity.read_text("utf-8")] if identity.exists() else [])])


def socket_folder(folder: Path) -> Path:
    """`folder` itself, or where its path is too long for a socket, a private folder of a short path for it alone."""
    if len(os.fsencode(str(folder))) + len(LONGEST_SOCKET_NAME) <= SOCKET_PATH_BYTES - 3:
        return folder
    short = Path(tempfile.gettempdir()) / f"hindcast-{os.geteuid()}-{digest(folder)}"
    short.mkdir(mode=0o700, exist_ok=True)
    facts = short.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise CannotStart(f"{short} should be a folder of ours alone, and is not: remove it.")
    return short
