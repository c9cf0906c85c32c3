"""PostgreSQL servers of the tests' own: started, copied, stopped and thrown away."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from tests.servers.serving import TIMEOUT, eventually, free_port

# Where Debian keeps the server programs, newest last; they are not on the PATH.
_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
# A place in memory must have room for a blog of a million posts, with something to spare.
_ROOM = 8 * 1024**3
# What is lost in a crash is of no account here, but where a test says so.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def is_installed() -> bool:
    """Whether this machine has a PostgreSQL server to start."""
    return bool(_PROGRAMS) or shutil.which("pg_ctl") is not None


class Cluster:
    """A server with a directory of its own, reached by TCP and without a password."""

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.directory = directory
        self.port = port or free_port()

    @property
    def data(self) -> Path:
        """Where the server keeps everything."""
        return self.directory / "data"

    def create(self) -> None:
        """Make an empty server, in another language than that of code points."""
        self.directory.mkdir(mode=0o711, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self.directory, *_user())
        self._run(
            "initdb", "--username=blog", "--auth=trust", "--no-sync", "--encoding=UTF8",
            "--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8",
            f"--pgdata={self.data}",
        )  # fmt: skip

    def start(self, settings: Mapping[str, str] = FAST) -> None:
        """Start it with these settings, and wait until it answers."""
        options = {"port": str(self.port), "listen_addresses": "127.0.0.1", **settings}
        options["unix_socket_directories"] = str(self.directory)
        given = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        self._control("start", "-w", "-l", str(self.directory / "log"), "-o", given)

    def stop(self, mode: str = "fast") -> None:
        """Stop it, if it runs, as an administrator does."""
        if self.runs():
            self._control("stop", "-w", "-m", mode)

    def kill(self) -> None:
        """End all of its processes at once, as a power failure does."""
        processes = self._processes()
        for process in processes:
            os.kill(process, signal.SIGKILL)
        # Until they are gone no other can be started in their place.
        eventually(
            lambda: not any(Path(f"/proc/{process}").exists() for process in processes),
            lambda: "a process outlives its end",
        )

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let all of its processes stand still, as a disk that hangs does."""
        # Once the first of them stands still there will be no more of them.
        os.kill(self._processes()[0], signal.SIGSTOP)
        processes = self._processes()
        try:
            for process in processes:
                os.kill(process, signal.SIGSTOP)
            yield
        finally:
            for process in reversed(processes):
                os.kill(process, signal.SIGCONT)

    def promote(self) -> None:
        """Make a standby the primary."""
        self._control("promote", "-w")

    def runs(self) -> bool:
        """Whether there is a server process."""
        return self._program("pg_ctl", "status", f"--pgdata={self.data}").returncode == 0

    def follow(self, primary: Cluster, name: str = "standby") -> None:
        """Make this a copy of another server that follows its log."""
        self.directory.mkdir(mode=0o711, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self.directory, *_user())
        self._run(
            "pg_basebackup", "--write-recovery-conf", "--checkpoint=fast", "--no-sync",
            f"--pgdata={self.data}",
            f"--dbname=host=127.0.0.1 port={primary.port} user=blog application_name={name}",
        )  # fmt: skip

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement outside of a transaction, and give the rows if there are any."""
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def role(self, name: str, options: str = "") -> Iterator[None]:
        """A role that may log in; dropped at the end, when it must own nothing any more."""
        self.execute(f"CREATE ROLE {name} LOGIN {options}")
        try:
            yield
        finally:
            self.execute(f"DROP ROLE {name}")

    def dsn(self, database: str) -> str:
        """Where a database is, as libpq has it."""
        return f"host=127.0.0.1 port={self.port} user=blog dbname={database}"

    def url(self, database: str) -> str:
        """Where a database is, as the settings have it."""
        return f"postgresql+psycopg://blog@127.0.0.1:{self.port}/{database}"

    def _processes(self) -> list[int]:
        pid = (self.data / "postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(process) for process in (pid, *children)]

    def _control(self, command: str, *options: str) -> None:
        self._run("pg_ctl", command, f"--pgdata={self.data}", "-t", str(TIMEOUT), *options)

    def _run(self, program: str, *arguments: str) -> None:
        ended = self._program(program, *arguments)
        assert ended.returncode == 0, ended.stdout + ended.stderr + self._log()

    def _program(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        where = _PROGRAMS[-1].with_name(name) if _PROGRAMS else name
        # The server's programs refuse to run as root.
        prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        with (self.directory / "output").open("a+") as output:
            ended = subprocess.run(
                [*prefix, str(where), *arguments],
                cwd="/",
                # A server that is started keeps these open; a pipe would never end.
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=2 * TIMEOUT,
            )
        said = (self.directory / "output").read_text()
        return subprocess.CompletedProcess(ended.args, ended.returncode, said, "")

    def _log(self) -> str:
        log = self.directory / "log"
        return log.read_text()[-5000:] if log.exists() else ""


def _user() -> tuple[int, int]:
    user = pwd.getpwnam("postgres")
    return user.pw_uid, user.pw_gid


@contextmanager
def cluster(settings: Mapping[str, str] = FAST) -> Iterator[Cluster]:
    """A new server that runs; stopped and thrown away at the end."""
    with directory() as place:
        made = Cluster(place / "server")
        made.create()
        made.start(settings)
        try:
            yield made
        finally:
            made.stop("immediate")


@contextmanager
def replicated(settings: Mapping[str, str]) -> Iterator[list[Cluster]]:
    """A new primary and two servers that follow it, all running; thrown away at the end."""
    with directory() as place:
        primary, *standbys = made = [Cluster(place / f"server{number}") for number in range(3)]
        primary.create()
        primary.start(settings)
        try:
            for standby in standbys:
                standby.follow(primary)
                standby.start(settings)
            yield made
        finally:
            for server in made:
                server.stop("immediate")


def catch_up(primary: Cluster, replicas: Sequence[Cluster]) -> None:
    """Wait until the replicas have all that the primary has."""
    [(position,)] = primary.execute("SELECT pg_current_wal_flush_lsn()::text")
    statement = f"SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn"
    for replica in replicas:
        eventually(
            lambda replica=replica: replica.execute(statement) == [(True,)],
            lambda: "a replica does not catch up",
        )


def memory() -> Path | None:
    """A place in memory, which is quicker than a disk, where there is one with room."""
    shared = Path("/dev/shm")
    roomy = os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > _ROOM
    return shared if roomy else None


@contextmanager
def directory() -> Iterator[Path]:
    """A place for servers, short enough for a socket's name, in memory where there is some."""
    with TemporaryDirectory(prefix="blog-", dir=memory(), ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o711)
        yield Path(name)
