"""The file descriptors of this process, and the TCP connections among them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

# A client's IP address and port.
ClientAddress = tuple[str, str]

# Linux, macOS and the BSDs list the open descriptors here; on Linux it is /proc/self/fd.
_DIRECTORY = "/dev/fd"
# Where the directory can't be listed, each number below this one is tried.
_MOST_DESCRIPTORS = 131072


def connections() -> Iterator[tuple[socket.socket, int, ClientAddress]]:
    """Yield each TCP connection: its socket, its own port and its client.

    A socket is valid until the next one is yielded; it is not to be closed. It is no duplicate,
    since none can be made when the process is out of descriptors.
    """
    for descriptor in open_descriptors():
        # A descriptor may be no socket, or not connected, or closed by now.
        with suppress(OSError):
            borrowed = socket.socket(fileno=descriptor)
            try:
                own, peer = borrowed.getsockname(), borrowed.getpeername()
                # A Unix socket has a path or nothing instead of a tuple.
                if isinstance(peer, tuple):
                    yield borrowed, own[1], (peer[0], str(peer[1]))
            finally:
                borrowed.detach()


def shut_down(is_unwanted: Callable[[int, ClientAddress], bool]) -> None:
    """Shut down the connections that the predicate selects by their own port and their client.

    The server itself would wait to send the rest of a response for as long as the client stays.
    """
    for connection, port, client in connections():
        if is_unwanted(port, client):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def open_descriptors() -> Iterable[int]:
    """The open descriptors; where they can't be listed, all that may be open."""
    try:
        return [int(name) for name in os.listdir(_DIRECTORY)]
    except OSError:
        return range(_MOST_DESCRIPTORS)


def epoll_descriptors() -> Iterator[int]:
    """The descriptors of this process that are epoll instances (Linux only).

    Only these may be duplicated: closing a duplicate of a file drops all locks that the process has
    on that file, including those of SQLite (fcntl(2), "Advisory record locking").
    """
    for descriptor in open_descriptors():
        with suppress(OSError):
            if os.readlink(f"{_DIRECTORY}/{descriptor}") == "anon_inode:[eventpoll]":
                yield descriptor


def lowest_free_descriptor() -> int | None:
    """The descriptor that the next file would get; None when the process can open no more."""
    try:
        probes = os.pipe()
    except OSError:
        return None
    for probe in probes:
        os.close(probe)
    return min(probes)
