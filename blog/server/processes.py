"""Serving the application from several processes until told to stop."""

from __future__ import annotations

import ctypes
import gc
import logging
import multiprocessing
import os
import resource
import select
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from multiprocessing.sharedctypes import RawArray
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer, WorkerProcess

from blog import logs
from blog.database.change_detection import MARK_BYTES
from blog.errors import ServerError
from blog.gateway.sockets import epoll_descriptors
from blog.server.connection_watch import ConnectionWatch

if TYPE_CHECKING:
    # The process that looks after the workers has no use for what they serve.
    from blog.gateway.gateway import Gateway

logger = logging.getLogger("blog.server")

# What is in flight when the server is told to stop has this long to end.
_STOP_SECONDS = 30
# A new worker is given up when it has not loaded after this long.
_TRIAL_SECONDS = 60
# How many clients the system lets wait for a connection, where it is not set to fewer.
_BACKLOG = 2048
_LISTENING_SYSTEMS = ("Linux", "FreeBSD")
# What a worker may read of a head before it knows how long it is; the application says no to
# less, and says why.
_HEAD_BYTES = 65536
# What is so large, in bytes, goes back to the system as soon as a worker has done with it; and what
# is not is kept for the next that needs it, up to as much.
_LARGE_BYTES = 8 * 1024 * 1024
# What a worker has open besides connections of clients: its log and what it shares; and for each
# connection to the database two files, or a socket for each host, once to read and once to write.
_OTHER_FILES = 64
_FILES_PER_DATABASE_CONNECTION = 8
_TOO_FEW_FILES = (
    "the system lets a process have too few files open: each worker keeps %d connections, and not "
    "the %d of BLOG_CONNECTIONS"
)
# See prctl(2).
_PR_SET_PDEATHSIG = 1
# Fewer connections than this serve nobody well.
_FEWEST_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many processes serve, and what each may have.

    ``connections`` are those of clients, ``database_connections`` those to the database. A head
    may take ``head_seconds``.
    """

    workers: int
    connections: int
    database_connections: int
    head_seconds: float

    @property
    def other_files(self) -> int:
        """How many files a worker may have open that are no connections of clients."""
        return _OTHER_FILES + _FILES_PER_DATABASE_CONNECTION * self.database_connections


class Server(MPServer):
    """Granian, with one listening socket for all workers.

    Of sockets of their own, as Granian makes them, one that is closed when its worker is replaced
    would take with it the clients that it had not accepted yet.
    """

    def __init__(self, listener: socket.socket, **options: Any) -> None:
        super().__init__(**options)
        self._listener = listener
        self._memory = RawArray("c", MARK_BYTES)

    def _init_shared_socket(self) -> None:
        self._ssp = None
        # Granian takes the backlog only where it listens itself, whatever its type stub says.
        holder: Any = SocketHolder
        backlog = (_BACKLOG,) if os.uname().sysname in _LISTENING_SYSTEMS else ()
        self._shd = holder(self._listener.fileno(), False, *backlog)
        self._sso = self._listener

    def _spawn_worker(
        self, idx: int, target: Any, callback_loader: Any, *more: Any
    ) -> WorkerProcess:
        load = partial(_load, callback_loader, self._listener, self._memory, self.backpressure)
        return super()._spawn_worker(idx, partial(_work, target), load, *more)

    def _reload(self, spawn_target: Any, target_loader: Any) -> None:
        """Replace the workers, unless a new one would fail: those that serve are better than none.

        It could, with a program or a database that is not as it was.
        """
        self.reload_signal = False
        self.main_loop_interrupt.clear()
        try:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as trial:
                trial.submit(_try, target_loader).result(_TRIAL_SECONDS)
        except Exception as error:
            logger.error("the workers stay, since new ones would fail: %s", error)
        else:
            super()._reload(spawn_target, target_loader)  # type: ignore[no-untyped-call]  # no type
        if self.interrupt_signal:
            # Granian has forgotten that it was told to stop meanwhile.
            self.main_loop_interrupt.set()

    def _respawn_workers(self, workers: Sequence[int], *how: Any, **more: Any) -> None:
        """Replace workers one after the other, until the server is told to stop."""
        for worker in workers:
            if not self.interrupt_signal:
                super()._respawn_workers([worker], *how, **more)


def _try(load: Callable[[], object]) -> None:
    """Make what a worker serves, and let it go."""
    load()


def _load(
    load: Callable[[], Gateway], listener: socket.socket, memory: Any, connections: int
) -> ConnectionWatch:
    """What a worker serves.

    ``listener`` is where it is called, ``memory`` is shared with the other workers, and
    ``connections`` is the bound on those with clients.
    """
    gateway = _load_for_good(load)
    gateway.share(memoryview(memory).cast("B"))
    gateway.on_stop(partial(_stop_accepting, listener))
    gateway.block_stop_signals()
    return ConnectionWatch(gateway, listener.getsockname()[1], connections)


def _load_for_good(load: Callable[[], Gateway]) -> Gateway:
    """Make what a worker serves, and never look for garbage in it.

    It is as good as all that the process has, and stays. To go through it is in vain while it is
    made, and later would keep every request waiting, again and again.
    """
    gc.disable()
    gateway = load()
    gc.freeze()
    gc.enable()
    return gateway


def _stop_accepting(listener: socket.socket) -> None:
    """Leave all clients that come from now on to the other workers.

    The server itself stops to accept when it closes what is idle, and whoever has connected and
    not sent a request yet is idle, too. So what it waits for is told to wake it no more. Systems
    without epoll wait in other ways, which no other part of a process can reach.
    """
    for descriptor in epoll_descriptors() if hasattr(select, "epoll") else ():
        # Some wait for other things, and some have been closed.
        with suppress(OSError), select.epoll.fromfd(os.dup(descriptor)) as waiting:
            waiting.unregister(listener)


def _work(serve: Callable[..., None], *args: Any) -> None:
    """What a worker process does: serve, and end at once.

    Until it serves, any signal to stop ends it as it does any process. Threads of the server may
    outlast it by a moment; an interpreter that is taken down under them would abort.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _end_with_parent()
    logs.leave_out_threads()
    serve(*args)
    os._exit(0)


def _end_with_parent() -> None:
    """Have this process told to stop when the one that started it is gone, where Linux sees to it.

    Workers of a server that was killed would go on, and keep the port from the next one.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def run(
    listener: socket.socket,
    capacity: Capacity,
    log_format: logs.Format,
    metrics: bool,
    target: str = "blog.app:create_gateway",
    *,
    database: str = "none",
    warnings: Sequence[str] = (),
) -> None:
    """Serve until SIGTERM or SIGINT, and let what is in flight end; on SIGHUP, replace the workers.

    Each of the worker processes makes its own application from the environment, in an interpreter
    of its own, so that a new one runs the program as it is by then. ``target`` names the module and
    the function that makes the gateway to it. ``database`` is the name of what is served, and each
    of the warnings is a line of the log. Raises ServerError where the system lets a process
    have too few files open.
    """
    connections = _fit(capacity)
    multiprocessing.set_start_method("spawn")
    _give_large_blocks_back()
    server = _make_server(listener, capacity, connections, logs.configuration(log_format), target)
    host, port = listener.getsockname()[:2]
    address = f"http://{_bracketed(host)}:{port}/"
    serving = f"serving {address} with {capacity.workers} workers from the database {database}"
    server.on_startup(lambda: logger.info(serving))
    for warning in warnings:
        server.on_startup(partial(logger.warning, warning))
    if connections < capacity.connections:
        server.on_startup(lambda: logger.warning(_TOO_FEW_FILES, connections, capacity.connections))
    with _shared_counts() if metrics else nullcontext():
        server.serve()


def _make_server(
    listener: socket.socket,
    capacity: Capacity,
    connections: int,
    log_configuration: dict[str, Any],
    target: str,
) -> Server:
    return Server(
        listener,
        target=target,
        factory=True,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop if find_spec("uvloop") else Loops.asyncio,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=int(capacity.head_seconds * 1000),
            max_buffer_size=_HEAD_BYTES,
        ),
        websockets=False,
        workers=capacity.workers,
        backlog=_BACKLOG,
        backpressure=connections,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
        log_level=LogLevels.warning,
        log_dictconfig=log_configuration,
    )


def _fit(capacity: Capacity) -> int:
    """How many connections of clients each worker may have; each is an open file.

    Raises the limit of open files, which the workers inherit, as far as that is needed and the
    system lets it. Raises ServerError where that is too few to serve.
    """
    allowed = _allow_files(capacity.connections + capacity.other_files)
    connections = min(capacity.connections, allowed - capacity.other_files)
    if connections < _FEWEST_CONNECTIONS:
        needed = _FEWEST_CONNECTIONS + capacity.other_files
        raise ServerError(
            f"a process may have {allowed} files open here, and a worker needs {needed}: "
            "raise the limit, as `ulimit -n` does, or lower BLOG_DATABASE_CONNECTIONS"
        )
    return connections


def _allow_files(wanted: int) -> int:
    """Have this process, and those that it starts, open so many files; give how many they may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        # macOS has a limit below the hard one, which is not told here.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else soft


def _give_large_blocks_back() -> None:
    """Have workers return to the system what is large, unless the environment says how much.

    To hash a password takes 19 MiB. The C library learns from the first time that such blocks come
    and go, and would have each thread keep one (mallopt(3), M_MMAP_THRESHOLD).
    """
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(_LARGE_BYTES))
    # Whoever sets the one is no longer given the other, which would stay at 128 kB.
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(_LARGE_BYTES))


@contextmanager
def _shared_counts() -> Iterator[None]:
    """A directory of their own in which the workers count, so that any of them tells the sums.

    It has to be there before prometheus-client is loaded, which is told of it in this way.
    """
    with TemporaryDirectory(prefix="blog-metrics-") as directory:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
        yield


def listen(host: str, port: int, patience: float) -> socket.socket:
    """A socket that listens there. Raises ServerError when the address can't be had.

    A client that takes nothing of what it is sent for ``patience`` seconds loses its connection,
    where the system can see to it.
    """
    if not host:
        raise ServerError("no host to listen on: name one, such as 127.0.0.1, with --host")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Those of its connections have it from this one.
            milliseconds = int(patience * 1000)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        return listener
    except (OSError, UnicodeError) as error:
        # What Python adds says again where; a name that can't be one has no words of the system.
        reason = str(getattr(error, "strerror", None) or "no such host").partition(" (while")[0]
        raise ServerError(
            f"can't listen on {host} port {port}: {reason}; choose another with --host or --port"
        ) from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
