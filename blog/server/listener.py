"""The listening socket that all workers share."""

from __future__ import annotations

import os
import select
import socket
from contextlib import suppress

from blog.errors import ServerError
from blog.gateway.sockets import epoll_descriptors

# The number of connections that wait to be accepted; the operating system may allow fewer.
BACKLOG = 2048


def listen(host: str, port: int, timeout: float) -> socket.socket:
    """Make a socket that listens at an address. Raises ServerError if that is not possible.

    A client that acknowledges nothing of what it is sent for ``timeout`` seconds is disconnected,
    where the operating system has an option for that.
    """
    if not host:
        raise ServerError("no host to listen on: name one, such as 127.0.0.1, with --host")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        raise ServerError(
            f"can't listen on {host} port {port}: {_reason(error)}; "
            "choose another with --host or --port"
        ) from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # The connections inherit it from the listener.
        milliseconds = int(timeout * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return listener


def url_of(listener: socket.socket) -> str:
    """The URL of a server that accepts connections from a listener."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def stop_accepting(listener: socket.socket) -> None:
    """Leave new connections to the other workers.

    When granian stops, it accepts connections until it closes the idle ones, including those whose
    first request is on its way. So the listener is removed from the epoll instances of this
    process. Systems without epoll have other means, which Python can't reach.
    """
    for descriptor in epoll_descriptors() if hasattr(select, "epoll") else ():
        # Some instances wait for other files, and some have been closed by now.
        with suppress(OSError), select.epoll.fromfd(os.dup(descriptor)) as instance:
            instance.unregister(listener)


def _reason(error: Exception) -> str:
    """The operating system's words, without the address that Python repeats after them."""
    text = getattr(error, "strerror", None) or "no such host"
    return str(text).partition(" (while")[0]
