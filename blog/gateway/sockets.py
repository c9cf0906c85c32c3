"""The connections of this process, found among its file descriptors."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

# A client by its address and port.
Client = tuple[str, str]

# Each system that has it lists there what is open; on Linux it leads to /proc.
_LIST = "/dev/fd"
# Where nothing is listed, or nothing more can be opened, each number below this one is tried.
_MOST = 131072


def connections() -> Iterator[tuple[socket.socket, int, Client]]:
    """Each TCP connection, with its own port and its peer.

    A socket is lent until the next one is asked for, and closes nothing. It is not a duplicate,
    since none can be made while the process is out of descriptors.
    """
    for descriptor in open_descriptors():
        # What is open may be no socket, one without a peer, or closed by now.
        with suppress(OSError):
            lent = socket.socket(fileno=descriptor)
            try:
                own, peer = lent.getsockname(), lent.getpeername()
                # A socket within this machine has a path instead, or nothing.
                if isinstance(peer, tuple):
                    yield lent, own[1], (peer[0], str(peer[1]))
            finally:
                lent.detach()


def hang_up(is_unwanted: Callable[[int, Client], bool]) -> None:
    """End the connections of which this says so, given their own port and their peer.

    The server itself would wait for as long as the client stays, to send what it has left.
    """
    for connection, port, client in connections():
        if is_unwanted(port, client):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def open_descriptors() -> Iterable[int]:
    """The descriptors that are open, or may be."""
    try:
        return [int(name) for name in os.listdir(_LIST)]
    except OSError:
        return range(_MOST)


def event_polls() -> Iterator[int]:
    """The descriptors by which Linux tells this process that there is something to do.

    All others are left alone: a process that closes a duplicate of a file loses all its locks on
    it, those of SQLite too (fcntl(2), "Advisory record locking").
    """
    for descriptor in open_descriptors():
        with suppress(OSError):
            if os.readlink(f"{_LIST}/{descriptor}") == "anon_inode:[eventpoll]":
                yield descriptor


def lowest_free_descriptor() -> int | None:
    """The descriptor that the next file is given; None where no more may be open."""
    try:
        probes = os.pipe()
    except OSError:
        return None
    for probe in probes:
        os.close(probe)
    return min(probes)
