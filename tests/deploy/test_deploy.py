"""What is shipped for deploying: programs accept it, and the documentation lists every file."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from blog.settings import names
from tests.deploy import deployment
from tests.documentation import pages

PORTS = (20001, 20002, 20003)


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    command = deployment.nginx(tmp_path, 20000, 20004, PORTS)

    deployment.check([*command, "-t"])


def test_nginx_takes_the_site_of_one_node(tmp_path: Path) -> None:
    command = deployment.nginx_site(tmp_path, 20000, 20004, 20001)

    deployment.check([*command, "-t"])


def test_haproxy_takes_its_configuration(tmp_path: Path) -> None:
    command = deployment.haproxy(tmp_path, 20000, 20004, PORTS)

    deployment.check([*command, "-c"])


@pytest.mark.parametrize("choice", [{}, deployment.ONE_SECOND], ids=["asking", "one second"])
def test_varnish_takes_its_configuration(choice: dict[str, str], tmp_path: Path) -> None:
    command = deployment.varnish(tmp_path, 20000, PORTS, choice)

    deployment.check([*command, "-C"])


def test_pgbouncer_gives_a_connection_to_each_transaction() -> None:
    # It has no way to check a file without serving.
    parser = configparser.ConfigParser()
    parser.read(deployment.SHIPPED / "pgbouncer.ini")

    assert parser["pgbouncer"]["pool_mode"] == "transaction"
    assert parser["databases"]["blog"]


def test_every_file_is_documented() -> None:
    shipped = {path.name for path in deployment.SHIPPED.iterdir()}

    assert pages.names(pages.section(pages.read("deployment.md"), "Files")) == shipped


def test_every_setting_that_is_named_exists() -> None:
    named = {
        name
        for path in deployment.SHIPPED.iterdir()
        for name in re.findall(r"BLOG_[A-Z_]+", path.read_text())
    }

    assert named
    assert named - set(names()) == set()
