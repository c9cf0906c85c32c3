"""A line to a PostgreSQL server that a test cuts at a word that it chooses."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.servers.serving import TIMEOUT


class Wire:
    """Passes on what a client and a server say to each other, until it sees a word."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        # Where the line is cut, once; and whether what is said there still reaches the server.
        self._word: bytes | None = None
        self._arrives = False
        self.cuts = 0

    def serve(self) -> None:
        """Take connections until the end."""
        # The end comes when the listener is closed.
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def cut_at(self, word: bytes, *, arrives: bool = False) -> None:
        """Cut the line of the client that says this next."""
        self._word, self._arrives = word, arrives

    def close(self) -> None:
        """Take no more connections."""
        # To close it alone would not wake up the one who waits there.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._server_port), TIMEOUT) as server:
            back = threading.Thread(target=self._pass_back, args=(server, client), daemon=True)
            back.start()
            self._pass(client, server)
            back.join()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while said := client.recv(65536):
                if self._word and self._word in said:
                    self._cut(client, server, said)
                    break
                server.sendall(said)
        _end(client, server)

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while said := server.recv(65536):
                client.sendall(said)
        _end(client, server)

    def _cut(self, client: socket.socket, server: socket.socket, said: bytes) -> None:
        self.cuts += 1
        self._word = None
        # The response, if there is one, finds no client.
        client.shutdown(socket.SHUT_RDWR)
        if self._arrives:
            server.sendall(said)


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_WR)


@contextmanager
def wire_to(server_port: int) -> Iterator[Wire]:
    """A line to the server at a port of this machine."""
    wire = Wire(server_port)
    serving = threading.Thread(target=wire.serve)
    serving.start()
    try:
        yield wire
    finally:
        wire.close()
        serving.join()
