"""The shipped configurations of other programs, at addresses of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.servers.serving import TIMEOUT, eventually

SHIPPED = Path(__file__).parents[2] / "scripts" / "deploy"
NODES = ("192.0.2.11", "192.0.2.12", "192.0.2.13")
# nginx makes these where it was built to, which is for root alone.
_NGINX_PLACES = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def require(program: str) -> str:
    """Where a program is; the test is skipped where it is not installed."""
    # Debian keeps servers where only an administrator's PATH leads to.
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def adapt(name: str, place: Path, changes: Mapping[str, str]) -> Path:
    """A shipped file with other addresses and places; whatever is to be changed must be there."""
    text = (SHIPPED / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    adapted = place / name
    adapted.write_text(text)
    return adapted


def backends(ports: Sequence[int], form: str = "{}:{}") -> dict[str, str]:
    """The changes that put nodes at ports of this machine."""
    return {
        form.format(node, 5000): form.format("127.0.0.1", port)
        for node, port in zip(NODES, ports, strict=True)
    }


def nginx(place: Path, port: int, plain_port: int, nodes: Sequence[int]) -> list[str]:
    """The command that runs nginx with TLS at a port."""
    changes = backends(nodes) | {
        "listen 80 ": f"listen 127.0.0.1:{plain_port} ",
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "/etc/ssl/blog": str(certificate(place).with_suffix("")),
        "/var/log/nginx/blog.log": f"{place}/nginx.log",
        "/run/nginx.pid": f"{place}/nginx.pid",
        "http {": f"http {{ {_nginx_places(place)}",
    }
    return _nginx(place, adapt("nginx.conf", place, changes))


def nginx_site(place: Path, port: int, plain_port: int, node: int) -> list[str]:
    """The command that runs nginx with the site of one node, as Debian includes one."""
    changes = {
        "    listen [::]:80 default_server;\n": "",
        "    listen [::]:443 ssl http2;\n": "",
        "listen 80 ": f"listen 127.0.0.1:{plain_port} ",
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "/etc/ssl/blog": str(certificate(place).with_suffix("")),
        "127.0.0.1:5000": f"127.0.0.1:{node}",
    }
    site = adapt("nginx-site.conf", place, changes)
    whole = place / "nginx.conf"
    whole.write_text(
        f"pid {place}/nginx.pid; events {{ }} http {{ {_nginx_places(place)} "
        f"access_log {place}/nginx.log; include {site}; }}"
    )
    return _nginx(place, whole)


def _nginx(place: Path, configuration: Path) -> list[str]:
    log = str(place / "nginx-errors.log")
    # Its workers could not reach a place of root's.
    options = "daemon off; user root;" if os.geteuid() == 0 else "daemon off;"
    return [require("nginx"), "-e", log, "-g", options, "-c", str(configuration)]


def _nginx_places(place: Path) -> str:
    return "".join(f"{name}_temp_path {place}/{name};" for name in _NGINX_PLACES)


def haproxy(place: Path, port: int, plain_port: int, nodes: Sequence[int]) -> list[str]:
    """The command that runs HAProxy with TLS at a port."""
    changes = backends(nodes) | {
        "bind :80": f"bind 127.0.0.1:{plain_port}",
        "bind :443": f"bind 127.0.0.1:{port}",
        "/etc/ssl/blog.pem": str(certificate(place)),
    }
    return [require("haproxy"), "-db", "-f", str(adapt("haproxy.cfg", place, changes))]


# The choice that varnish.vcl leaves to the operator: answers may be a second old.
ONE_SECOND = {"ttl = 0s": "ttl = 1s", "set req.hash_ignore_busy = true;": ""}


def varnish(
    place: Path, port: int, nodes: Sequence[int], choice: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """The command that runs Varnish at a port."""
    changes = backends(nodes, '.host = "{}"; .port = "{}"')
    adapted = adapt("varnish.vcl", place, {**changes, **choice})
    listen = ["-a", f"127.0.0.1:{port}", "-n", str(place / "varnish"), "-s", "malloc,64M"]
    return [require("varnishd"), "-j", "none", "-f", str(adapted), *listen]


def pgbouncer(place: Path, port: int, server_port: int) -> list[str]:
    """The command that runs pgbouncer at a port, for the user blog with the password `password`."""
    users, pem = place / "userlist.txt", certificate(place)
    users.write_text('"blog" "password"\n')
    changes = {
        "host=192.0.2.21 port=5432": f"host=127.0.0.1 port={server_port}",
        "listen_addr = 0.0.0.0": "listen_addr = 127.0.0.1",
        "listen_port = 6432": f"listen_port = {port}",
        "/etc/pgbouncer/userlist.txt": str(users),
        "/etc/ssl/db.pem": str(pem),
        "/etc/ssl/db.key": str(pem.with_suffix(".key")),
    }
    adapted = adapt("pgbouncer.ini", place, changes)
    # It refuses to run as root.
    user = ["-u", "postgres"] if os.geteuid() == 0 else []
    return [require("pgbouncer"), *user, str(adapted)]


def certificate(place: Path) -> Path:
    """A self-signed certificate, in a file with its key; the key is in a second file, too."""
    pem, key = place / "blog.pem", place / "blog.key"
    if not pem.exists():
        subject = ["-subj", "/CN=blog.example.org", "-keyout", str(key), "-out", str(pem)]
        options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"]
        command = [require("openssl"), "req", *options, *subject]
        subprocess.run(command, check=True, capture_output=True)
        pem.write_text(pem.read_text() + key.read_text())
        # Some of those who read it change to a user of their own.
        key.chmod(0o644)
    return pem


def check(command: Sequence[str]) -> None:
    """Run a program that only looks at its configuration; fail with what it says against it."""
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@contextmanager
def run(command: Sequence[str], port: int, log: Path) -> Iterator[None]:
    """A program that listens at a port; ended at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True
        return False

    try:
        eventually(listens, log.read_text)
        yield
    finally:
        process.terminate()
        process.wait(TIMEOUT)
