"""A server on a real socket that does what a test says: drop connections, be slow, refuse, go away and come back."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """A request, and the connection to answer it on."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    handler: BaseHTTPRequestHandler = field(repr=False)

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        """An answer, with `retry_after` and so on among its headers."""
        self.begin(status, **{"content-length": str(len(body)), **headers})
        self.write(body)

    def begin(self, status: int, **headers: str) -> None:
        """An answer's beginning."""
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.end_headers()

    def write(self, body: bytes) -> None:
        """More of it."""
        self.handler.wfile.write(body)
        self.handler.wfile.flush()


Behaviour = Callable[[Asked], object]


def tells(told: Any, status: int = 200) -> Behaviour:
    """JSON."""
    return lambda asked: asked.send(status, json.dumps(told).encode(), content_type="application/json")


def refuses(status: int, *, type: str = "about:blank", detail: str = "No.", **headers: str) -> Behaviour:
    """A problem."""
    problem = {"type": type, "title": "No", "status": status, "detail": detail}
    body = json.dumps(problem).encode()
    return lambda asked: asked.send(status, body, content_type="application/problem+json", **headers)


def hangs_up(asked: Asked) -> None:
    """No answer at all."""
    asked.handler.connection.shutdown(socket.SHUT_RDWR)


def breaks_off(body: bytes) -> Behaviour:
    """More is promised than comes."""

    def behave(asked: Asked) -> None:
        asked.begin(200, content_length=str(2 * len(body)))
        asked.write(body)
        hangs_up(asked)

    return behave


def streams(*events: bytes, ends: bool = False) -> Behaviour:
    """Server-sent events, and then the connection breaks off, unless the stream ends as it should."""

    def behave(asked: Asked) -> None:
        asked.begin(200, content_type="text/event-stream", transfer_encoding="chunked")
        for event in events:
            asked.write(b"%x\r\n%b\r\n" % (len(event), event))
        if ends:
            asked.write(b"0\r\n\r\n")
        else:
            hangs_up(asked)

    return behave


def event(id: int, type: str, **data: Any) -> bytes:
    """As the trainer sends it."""
    told = json.dumps({**data, "created_at": "2026-11-22T21:57:00.123Z"})
    return f"event: {type}\ndata: {told}\nid: {id}\n\n".encode()


def sleeps(seconds: float, then: Behaviour) -> Behaviour:
    """Slow."""

    def behave(asked: Asked) -> None:
        time.sleep(seconds)
        then(asked)

    return behave


class Misbehaving:
    """Behaves as `does` says, one request after the other; a request too many gets 500."""

    def __init__(self) -> None:
        self.does: list[Behaviour] = []
        self.routes: dict[str, Behaviour] = {}
        """What is always done at a path, before `does` is looked at."""
        self.asked: list[Asked] = []
        self.connections: list[socket.socket] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def behave(self, asked: Asked) -> None:
        self.asked.append(asked)
        behave = self.routes.get(asked.path.partition("?")[0])
        if behave is None:
            behave = self.does.pop(0) if self.does else refuses(500, detail="asked too often")
        behave(asked)

    @contextmanager
    def there(self) -> Iterator[None]:
        """While this lasts it can be reached: always at the same port. Then all its connections break off."""
        server = _Server(("127.0.0.1", self.port), _Handler)
        server.behaving = self
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            for connection in self.connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    behaving: Misbehaving

    def handle_error(self, request: object, client_address: object) -> None: ...


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.behaving.connections.append(self.connection)

    def answer(self) -> None:
        self.server.behaving.behave(Asked(self.command, self.path, self.headers, self._body(), self))

    do_GET = do_HEAD = do_OPTIONS = do_POST = do_PATCH = do_DELETE = answer

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *arguments: object) -> None: ...
