"""All that can be set from outside, in one frozen place. Only composition roots (`main.py`) import it."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_POSTGRESQL = re.compile(r"postgresql(\+\w+)?://")
_REDIS = re.compile(r"(rediss?|redis\+socket)://")
_CHECKOUT = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """Environment variables `HINDCAST_…`; what isn't set has a default that suits one machine."""

    model_config = SettingsConfigDict(env_prefix="HINDCAST_", frozen=True, extra="ignore")

    home: Path = Path("~/.hindcast")
    """Everything that Hindcast writes lies under here, unless a URL below says otherwise."""
    host: str = "127.0.0.1"
    """Address to serve on. Beyond loopback only with `trusted_network`."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    """Port to serve on."""
    trusted_network: bool = False
    """Allow serving beyond loopback without keys: set where only trusted neighbours reach the port."""

    database_url: str = ""
    """PostgreSQL, as `postgresql://user:password@host/name`."""
    broker_url: str = ""
    """Redis, as `redis://host:6379/0` or `redis+socket:///path`."""
    artifacts_url: str = ""
    """Where files live, an fsspec URL: `file:///path` or `s3://bucket/prefix`. Default: `home`/artifacts."""
    cache: Path | None = None
    """Where remote artifacts are copied to before they are mapped. Default: `home`/cache."""
    uploads: Path | None = None
    """Where uploads lie that come in several requests, until they are whole; processes of one service share it.
    Default: `home`/uploads."""
    upload_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    """Such an upload is dropped when nobody has gone on with it for so long, and its answer when it is so old."""
    trainer_url: str = "http://127.0.0.1:8000"
    """Where the origin's joint health and documents find the trainer."""
    embedder_url: str = "http://127.0.0.1:8000"
    """The same of the embedder, where jobs also find the vectors of tables."""
    scorer_url: str = "http://127.0.0.1:8000"
    """The same of the scorer."""

    worker_slots: Annotated[int, Field(ge=1, le=64)] = 1
    """Jobs that one worker runs at a time; quick ones run beside them, one for each four slots and one more."""
    job_threads: Annotated[int, Field(ge=1, le=256)] = 2
    """Threads that one job may compute with."""
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    """What networks are trained on; `auto`: a CUDA device if there is one."""
    serving_threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Threads that one scoring or neighbour request may compute with."""
    lease_seconds: Annotated[float, Field(gt=0, le=30)] = 15.0
    """A worker that has not renewed its lease for so long is taken for dead."""
    heartbeat_seconds: Annotated[float, Field(gt=0, le=2)] = 1.0
    """How often a worker renews its lease, and looks whether its job was cancelled: that stops within 5 seconds."""
    sweep_seconds: Annotated[float, Field(gt=0, le=15)] = 5.0
    """How often a worker looks for jobs whose message or worker was lost."""
    checkpoint_seconds: Annotated[float, Field(gt=0, le=60)] = 30.0
    """A running job saves its state at least this often."""
    scorer_memory_bytes: Annotated[int, Field(gt=0)] = 2 * 1024**3
    """Models kept loaded; the one used longest ago goes first."""
    scorer_ngram_memory_bytes: Annotated[int, Field(gt=0)] = 1024**3
    """N-gram models kept open; the one used longest ago goes first."""
    scorer_sessions: Annotated[int, Field(gt=0)] = 1_000
    """Conversations that the scorer keeps at a time."""
    session_seconds: Annotated[float, Field(gt=0)] = 600.0
    """A conversation that nobody has used for so long ends."""
    stream_connections: Annotated[int, Field(gt=0)] = 64
    """WebSockets of decoders that the scorer keeps open at a time."""
    stream_states: Annotated[int, Field(ge=2)] = 65_536
    """States that each of them may hold; the ones used longest ago go first."""
    stream_memory_bytes: Annotated[int, Field(gt=0)] = 256 * 1024**2
    """What the states of each may take: with large models it is fewer of them."""
    embedder_memory_bytes: Annotated[int, Field(gt=0)] = 2 * 1024**3
    """Tables kept open; the one used longest ago goes first."""
    dashboard: Path | None = None
    """The folder with the dashboard's pages. Default: that of the checkout, where Hindcast runs from one."""

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: str) -> str:
        return _matching(url, _POSTGRESQL, "postgresql://user:password@host/name")

    @field_validator("broker_url")
    @classmethod
    def _is_redis(cls, url: str) -> str:
        example = "redis://host:6379/0 or redis+socket:///path"
        try:
            urlsplit(url).port  # noqa: B018 - celery reads it so, and fails where it is no number
        except ValueError as error:
            raise ValueError(f"must be {example}: {error}") from error
        return _matching(url, _REDIS, example)

    @field_validator("artifacts_url")
    @classmethod
    def _is_a_file_system(cls, url: str) -> str:
        if not url:
            return url
        from fsspec import get_filesystem_class  # of little use to a process whose files lie under `home`

        protocol, separator, _ = url.partition("://")
        if not separator:
            raise ValueError("must be a URL, such as file:///path or s3://bucket/prefix")
        try:
            get_filesystem_class(protocol)
        except ImportError as error:
            raise ValueError(f"needs a package that isn't installed: {error}") from error
        except ValueError as error:
            raise ValueError(f"must be a file system that fsspec knows: {error}") from error
        return url

    @property
    def home_folder(self) -> Path:
        """`home`, with ~ resolved."""
        return self.home.expanduser().resolve()

    @property
    def artifacts(self) -> str:
        """`artifacts_url`, or the folder under `home`."""
        return self.artifacts_url or (self.home_folder / "artifacts").as_uri()

    @property
    def cache_folder(self) -> Path:
        """`cache`, or the folder under `home`."""
        return self.cache.expanduser().resolve() if self.cache else self.home_folder / "cache"

    @property
    def uploads_folder(self) -> Path:
        """`uploads`, or the folder under `home`."""
        return self.uploads.expanduser().resolve() if self.uploads else self.home_folder / "uploads"

    @property
    def dashboard_folder(self) -> Path:
        """`dashboard`, or where a checkout has it; an installed package has nothing there."""
        return self.dashboard.expanduser().resolve() if self.dashboard else _CHECKOUT / "dashboard"


def _matching(url: str, right: re.Pattern[str], example: str) -> str:
    """The URL; an empty one stands for a server of our own."""
    if url and not right.match(url):
        raise ValueError(f"must be {example}")
    return url
