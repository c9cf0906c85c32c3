"""A pgbouncer of the tests' own, in transaction mode before a PostgreSQL server of theirs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from tests.servers.postgresql import Cluster, directory
from tests.servers.serving import TIMEOUT, eventually, free_port

# Debian keeps it where only root has it on the PATH.
_PROGRAM = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
# It refuses to run as root.
_USER: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": ()}
# All else is as it comes: whatever the blog needs must be had without it.
_SETTINGS = """
[databases]
* = host=127.0.0.1 port={server_port} user=blog
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
"""


def is_installed() -> bool:
    """Whether this machine has a pgbouncer to start."""
    return _PROGRAM is not None


class Bouncer:
    """A pgbouncer that shares a few connections to a server among all of its clients."""

    def __init__(self, server: Cluster, place: Path, pool_size: int) -> None:
        self.port = free_port()
        self._log = place / "log"
        self._settings = place / "pgbouncer.ini"
        self._pool_size = pool_size
        self._write_settings(server)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        assert _PROGRAM is not None
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [_PROGRAM, str(self._settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **(_USER if os.geteuid() == 0 else {}),
            )
        eventually(self._answers, self._log.read_text)

    def stop(self) -> None:
        """End it, and with it every connection."""
        self._process.kill()
        self._process.wait(TIMEOUT)

    def lead_to(self, server: Cluster) -> None:
        """Lend connections to another server from now on; those of clients go on."""
        self._write_settings(server)
        self._process.send_signal(signal.SIGHUP)

    def before(self, url: str) -> str:
        """The URL of a database of the server, by way of this."""
        return make_url(url).set(port=self.port).render_as_string(hide_password=False)

    def connect(self, url: str) -> psycopg.Connection[Any]:
        """A connection of another program to a database of the server, by way of this."""
        name = make_url(url).database
        return psycopg.connect(f"host=127.0.0.1 port={self.port} user=blog dbname={name}")

    def _write_settings(self, server: Cluster) -> None:
        self._settings.write_text(
            _SETTINGS.format(server_port=server.port, port=self.port, pool_size=self._pool_size)
        )

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            psycopg.connect(f"host=127.0.0.1 port={self.port} user=blog dbname=postgres").close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def bouncer(server: Cluster, pool_size: int) -> Iterator[Bouncer]:
    """A pgbouncer that runs, with so many connections to each database of the server."""
    with directory() as place:
        made = Bouncer(server, place, pool_size)
        made.start()
        try:
            yield made
        finally:
            made.stop()
