"""`scripts/deploy/measure`: requests per second with what may stand before and behind the nodes.

Every configuration is the shipped one, but for addresses. All run on this machine at once, and
share its processors with the program that measures: this shows what each part costs, not how far
it scales.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from tests.deploy import deployment
from tests.servers.postgresql import FAST, Cluster, directory
from tests.servers.serving import add_author, eventually, free_port, run_blog, serve

_POSTS = 1000
_SECONDS = 4
_CLIENTS = 16
_SETTINGS = {
    "BLOG_BASE_URL": "https://blog.example.org",
    "BLOG_ALLOWED_HOSTS": "127.0.0.1",
    "BLOG_TRUSTED_PROXIES": "1",
}
_REPORT = """
done = function(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format('{"rate": %f, "p50": %f, "p99": %f, "failed": %d}',
        summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000,
        latency:percentile(99) / 1000, failed))
end
"""
# Each title is new, so that no slug is taken; dated back, so that the first page stays as it is.
_WRITE = """
wrk.headers["Authorization"] = "Basic cmljazpwYXNzd29yZA=="
wrk.headers["Content-Type"] = "application/json"
local post = '{"title": "%s-%d", "body": "A post.", "postedDate": "2001-01-01T00:00:00Z"}'
local run, number = tostring({}):sub(-8), 0
request = function()
    number = number + 1
    return wrk.format("POST", nil, nil, post:format(run, number))
end
"""


class Bench:
    """A primary and a standby, a blog with posts, and the nodes that serve it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.primary, self.standby = Cluster(place / "primary"), Cluster(place / "standby")
        self.settings: Mapping[str, str] = {}
        self.post = ""

    @contextmanager
    def servers(self) -> Iterator[None]:
        """Both servers, and the posts."""
        try:
            self.primary.create()
            self.primary.start(FAST)
            self.primary.execute("CREATE DATABASE blog")
            self.settings = {**_SETTINGS, "BLOG_DATABASE_URL": self.primary.url("blog")}
            self._fill()
            self.standby.follow(self.primary)
            self.standby.start(FAST)
            yield
        finally:
            for server in (self.primary, self.standby):
                if server.data.exists():
                    server.stop("immediate")

    @contextmanager
    def nodes(self, count: int, **more: str) -> Iterator[list[int]]:
        """The ports of nodes: one with two workers, or several with one."""
        workers = ("--workers", "2" if count == 1 else "1")
        with ExitStack() as stack:
            env = {**self.settings, **more}
            started = [
                stack.enter_context(serve(self.place, *workers, env=env)) for _ in range(count)
            ]
            yield [server.port for server in started]

    def measure(self, name: str, base: str, *, writes: bool = False) -> None:
        """Print a line of the table."""
        wait_for(f"{base}{self.post}")
        cells = [self._wrk(f"{base}{path}") for path in ("/post?limit=20", self.post)]
        cells += [self._wrk(f"{base}/post", _WRITE)] if writes else []
        shown = [f"{cell['rate']:.0f} ({cell['p50']:.1f}, {cell['p99']:.0f})" for cell in cells]
        shown += [] if writes else [""]
        failed = sum(cell["failed"] for cell in cells)
        print(f"| {name} | {' | '.join(shown)} | {failed:.0f} |", flush=True)

    def _wrk(self, url: str, script: str = "") -> dict[str, float]:
        lua = self.place / "measure.lua"
        lua.write_text(script + _REPORT)
        command = ["-t1", f"-c{_CLIENTS}", f"-d{_SECONDS}s", "-s", str(lua), url]
        ended = subprocess.run(
            [deployment.require("wrk"), *command], capture_output=True, text=True, check=True
        )
        report = re.search(r"\{.*\}", ended.stdout)
        assert report, ended.stdout + ended.stderr
        found: dict[str, float] = json.loads(report[0])
        return found

    def _fill(self) -> None:
        assert run_blog(self.place, "database", "upgrade", env=self.settings).returncode == 0
        add_author(self.place, env=self.settings)
        with self.nodes(1) as (port,), requests.Session() as session:
            session.auth = ("rick", "password")
            for number in range(_POSTS):
                post = {"title": f"Post {number}", "body": "A sentence.\n" * 40, "tags": ["all"]}
                answer = session.post(f"http://127.0.0.1:{port}/post", json=post)
                answer.raise_for_status()
        self.post = answer.headers["Location"].removeprefix(_SETTINGS["BLOG_BASE_URL"])


def wait_for(url: str) -> None:
    """Wait until a URL answers as it should: who stands before a node has to find it first."""
    # No authority has signed the certificate.
    with requests.Session() as session:
        eventually(
            lambda: session.get(url, verify=False).status_code == 200,
            lambda: f"no answer at {url}",
        )


def measure_databases(bench: Bench) -> None:
    """One node, and what may stand between it and PostgreSQL."""
    with bench.nodes(1) as (port,):
        bench.measure("one node", f"http://127.0.0.1:{port}", writes=True)
    with bench.nodes(1, BLOG_DATABASE_READ_URL=bench.standby.url("blog")) as (port,):
        bench.measure("one node, reads from a replica", f"http://127.0.0.1:{port}", writes=True)
    pool = free_port()
    command = deployment.pgbouncer(bench.place, pool, bench.primary.port)
    url = f"postgresql+psycopg://blog@127.0.0.1:{pool}/blog?sslmode=require"
    with (
        deployment.run(command, pool, bench.place / "pgbouncer.out"),
        bench.nodes(1, BLOG_DATABASE_URL=url, PGPASSWORD="password") as (port,),
    ):
        bench.measure("one node, through pgbouncer", f"http://127.0.0.1:{port}", writes=True)


def measure_proxies(bench: Bench) -> None:
    """Three nodes, and what may stand before them."""
    log = bench.place / "output"
    with bench.nodes(3) as nodes:
        for name, make in (("nginx", deployment.nginx), ("HAProxy", deployment.haproxy)):
            port = free_port()
            with deployment.run(make(bench.place, port, free_port(), nodes), port, log):
                bench.measure(f"three nodes, {name}", f"https://127.0.0.1:{port}", writes=True)
        for name, choice in (
            ("asking each time", {}),
            ("with a ttl of 1 s", deployment.ONE_SECOND),
        ):
            port = free_port()
            command = [*deployment.varnish(bench.place, port, nodes, choice), "-F"]
            with deployment.run(command, port, log):
                bench.measure(f"three nodes, Varnish {name}", f"http://127.0.0.1:{port}")


def main() -> int:
    """Print the table."""
    print("requests/s (median ms, 99th percentile ms)\n")
    print("| | a list of 20 | a post | a new post | failed |\n| --- | --- | --- | --- | --- |")
    with directory() as place:
        bench = Bench(place)
        with bench.servers():
            measure_databases(bench)
            measure_proxies(bench)
    return 0


if __name__ == "__main__":
    sys.exit(main())
