"""services/proxy/nginx.conf in a real nginx, before three small services: only addresses are replaced."""

import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from websockets.sync.client import connect

from hindcast_standalone.child import Command, Program

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CONFIGURATION = Path(__file__).parents[2] / "services" / "proxy" / "nginx.conf"
PATIENCE_SECONDS = 20

pytestmark = pytest.mark.skipif(NGINX is None, reason="needs nginx: apt-get install nginx-light")


@dataclass
class Upstream:
    """An ASGI application that says what reached it, and streams in both directions."""

    name: str
    some_of_the_body: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._echo(receive, send)
            return
        if scope["path"].endswith("/events"):
            await self._stream(send)
            return
        size = 0
        while (message := await receive())["type"] == "http.request":
            size += len(message["body"])
            if size:
                self.some_of_the_body.set()
            if not message["more_body"]:
                break
        seen = {"service": self.name, "path": scope["raw_path"].decode(), "query": scope["query_string"].decode()}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps({**seen, "size": size}).encode()})

    async def _echo(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": f"{self.name}: {message['text']}"})

    async def _stream(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
        self.go_on.wait(PATIENCE_SECONDS)
        await send({"type": "http.response.body", "body": b"data: second\n\n"})


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, Upstream]]:
    found = {name: Upstream(name) for name in ("trainer", "embedder", "scorer")}
    servers = []
    for upstream in found.values():
        listening = socket.create_server(("127.0.0.1", 0))
        upstream.port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(upstream, lifespan="off", log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        servers.append((server, thread))
    yield found
    for server, thread in servers:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def origin(upstreams: dict[str, Upstream], tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    ports = {name: upstream.port for name, upstream in upstreams.items()}
    with proxy(tmp_path_factory.mktemp("nginx"), ports) as client:
        yield client


@contextmanager
def proxy(folder: Path, ports: Mapping[str, int]) -> Iterator[httpx.Client]:
    """nginx with the file as it is, but for the services' addresses, its own, and where it writes."""
    port = free_port()
    text = CONFIGURATION.read_text().replace("listen 8000", f"listen 127.0.0.1:{port}").replace("/tmp/", f"{folder}/")
    for address, name in (("trainer-api:8000", "trainer"), ("embedder:8000", "embedder"), ("scorer:8000", "scorer")):
        assert address in text
        text = text.replace(address, f"127.0.0.1:{ports[name]}")
    configuration = folder / "nginx.conf"
    configuration.write_text(text)
    command = [str(NGINX), "-c", str(configuration), "-g", "daemon off;"]
    part = Program("nginx", Command(command, folder / "nginx.log"))
    part.start()
    try:
        wait_for(port)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS) as client:
            yield client
    finally:
        part.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise AssertionError("nginx does not listen")


@pytest.mark.parametrize(
    ("path", "service", "seen"),
    [
        ("/v1/corpora", "trainer", "/v1/corpora"),
        ("/v1/corpora/uploads/upl_1", "trainer", "/v1/corpora/uploads/upl_1"),
        ("/v1/jobs/job_1/events-page", "trainer", "/v1/jobs/job_1/events-page"),
        ("/v1/experiments", "trainer", "/v1/experiments"),
        ("/v1/domains/d", "trainer", "/v1/domains/d"),
        ("/v1/tables/a%20b/vectors", "embedder", "/v1/tables/a%20b/vectors"),
        ("/v1/models", "scorer", "/v1/models"),
        ("/v1/rank", "scorer", "/v1/rank"),
        ("/trainer/readyz", "trainer", "/readyz"),
        ("/embedder/docs", "embedder", "/docs"),
        ("/scorer/openapi.json", "scorer", "/openapi.json"),
        ("/healthz", "trainer", "/origin/healthz"),
        ("/openapi.json", "trainer", "/origin/openapi.json"),
        ("/", "trainer", "/origin/"),
        ("/dashboard/vendor/preact.js", "trainer", "/origin/dashboard/vendor/preact.js"),
        ("/v1/unicorns", "trainer", "/origin/v1/unicorns"),
        ("/v1/ranking", "trainer", "/origin/v1/ranking"),
    ],
)
def test_each_path_finds_its_service(origin: httpx.Client, path: str, service: str, seen: str) -> None:
    answer = origin.get(path, params={"limit": 5}).json()
    assert (answer["service"], answer["path"], answer["query"]) == (service, seen, "limit=5")


def test_an_upload_passes_through_while_it_comes(origin: httpx.Client, upstreams: dict[str, Upstream]) -> None:
    def body() -> Iterator[bytes]:
        yield b"x" * 100_000
        assert upstreams["trainer"].some_of_the_body.wait(PATIENCE_SECONDS), "the proxy kept the beginning to itself"
        yield b"x" * 3_000_000

    assert origin.post("/v1/corpora", content=body()).json()["size"] == 3_100_000


def test_events_pass_through_while_they_come(origin: httpx.Client, upstreams: dict[str, Upstream]) -> None:
    with origin.stream("GET", "/v1/jobs/job_1/events") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "data: first"
        upstreams["trainer"].go_on.set()
        assert "data: second" in list(lines)


def test_websockets_pass_through(origin: httpx.Client) -> None:
    with connect(f"ws://{origin.base_url.netloc.decode()}/v1/models/lm_1/stream") as websocket:
        for text in ("rain", "fell"):
            websocket.send(text)
            assert websocket.recv() == f"scorer: {text}"


def test_a_service_that_is_away_is_a_problem(tmp_path: Path) -> None:
    nobody = dict.fromkeys(("trainer", "embedder", "scorer"), free_port())
    with proxy(tmp_path, nobody) as client:
        answer = client.get("/v1/models")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["status"] == 503
