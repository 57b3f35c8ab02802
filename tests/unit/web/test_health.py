"""The command by which a container asks whether its service is well."""

import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if self.path == "/readyz" else 200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def ask(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "hindcast.web.health", url], capture_output=True, text=True)


@pytest.mark.parametrize(("path", "status"), [("/healthz", 0), ("/readyz", 1)])
def test_its_exit_status_says_how_the_service_is(path: str, status: int) -> None:
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        answer = ask(f"http://127.0.0.1:{server.server_port}{path}")
        thread.join()
    assert answer.returncode == status


def test_a_service_that_is_away_is_not_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answer = ask(f"http://127.0.0.1:{port}/healthz")
    assert answer.returncode == 1
    assert "Connection refused" in answer.stderr
