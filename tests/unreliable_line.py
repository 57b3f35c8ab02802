"""A line to a server that is cut again and again, and counts what it carries."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

BLOCK = 1 << 14


@dataclass
class UnreliableLine:
    """Carries what is sent to `port` of this machine, and what is answered."""

    port: int
    cut_after: int | None = None
    """Each connection is reset when it has carried so many bytes to the server."""
    answers_cut: list[bytes] = field(default_factory=list)
    """Answers that begin so are lost with their connection, each once."""
    hold_after: int | None = None
    """When so many bytes have been carried, all in all, nothing goes on before `go_on`."""
    go_on: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    carried: int = 0
    """Bytes that came from clients."""
    connections: int = 0

    @contextmanager
    def there(self) -> Iterator[str]:
        """Its URL, while it can be reached."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            accepting = threading.Thread(target=self._accept, args=(listening,))
            accepting.start()
            try:
                yield f"http://127.0.0.1:{listening.getsockname()[1]}"
            finally:
                self.go_on.set()
                listening.shutdown(socket.SHUT_RDWR)
                accepting.join()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.port))
        except OSError:
            client.close()
            return
        answering = threading.Thread(target=self._answer, args=(client, server), daemon=True)
        answering.start()
        with suppress(OSError):
            self._ask(client, server)
        _reset(client, server)
        answering.join()
        client.close()
        server.close()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        left = self.cut_after
        while block := client.recv(BLOCK if left is None else min(left, BLOCK)):
            self.carried += len(block)
            if self.hold_after is not None and self.carried >= self.hold_after:
                self.held.set()
                self.go_on.wait()
            server.sendall(block)
            left = None if left is None else left - len(block)
            if left == 0:
                return

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while block := server.recv(BLOCK):
                for beginning in self.answers_cut:
                    if block.startswith(beginning):
                        self.answers_cut.remove(beginning)
                        _reset(client, server)
                        return
                client.sendall(block)
        _reset(client, server)


def _reset(client: socket.socket, server: socket.socket) -> None:
    """The client's end at once; the server's gets what is on its way."""
    with suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for end in (client, server):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
