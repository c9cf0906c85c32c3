"""The detector of secrets in the log: it finds those that are put there on purpose."""

from __future__ import annotations

import logging
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blog.http.application import Application
from tests.leaks import Detector, assert_no_secret, secret_in
from tests.people import ANN_PASSWORD, JOE_PASSWORD, PASSWORDS, RICK_PASSWORD
from tests.servers.serving import TIMEOUT, environment

TOKEN = "blogpat_" + "0aZ" * 14
BASIC = f"Basic {b64encode(b'somebody:something').decode()}"
SECRETS = [
    *(f"{name}:{password}" for name, password in PASSWORDS),
    *(b64encode(f"{name}:{password}".encode()).decode() for name, password in PASSWORDS),
    JOE_PASSWORD[1],
    ANN_PASSWORD[1],
    "pass%20word",
    "pass+word",
    "p%C3%A4sswort",
    r"p\u00e4sswort",
    repr(ANN_PASSWORD[1].encode()),
    TOKEN,
    BASIC,
    "Bearer 0123456789abcdef",
]
HARMLESS = [
    "the password of 'rick' was not rehashed",
    'Basic realm="blog"',
    "blogpat_",
    TOKEN[:-1],
    "GET /post?limit=5 200",
    RICK_PASSWORD[0],
]


@pytest.fixture
def logger() -> logging.Logger:
    """A logger without other handlers, at every level."""
    made = logging.Logger("tests.leaks", level=1)
    made.addHandler(Detector())
    return made


def leaks(logger: logging.Logger) -> list[str]:
    """What its detector has found."""
    (detector,) = logger.handlers
    assert isinstance(detector, Detector)
    return detector.leaks


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_found_in_a_text(secret: str) -> None:
    assert secret_in(f"before {secret} after")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert secret_in(text) is None


@pytest.mark.parametrize(
    "said",
    [
        {"msg": TOKEN},
        {"msg": "%s", "args": (TOKEN,)},
        {"msg": "%(a)s", "args": ({"a": JOE_PASSWORD},)},
        {"msg": "x", "args": (), "extra": {"told": {"header": [BASIC]}}},
        {"msg": b"%s" % TOKEN.encode()},
    ],
    ids=["message", "argument", "named", "field", "bytes"],
)
@pytest.mark.parametrize("level", [1, logging.DEBUG, logging.ERROR])
def test_a_secret_is_found_in_every_part_of_a_record(
    logger: logging.Logger, said: dict[str, Any], level: int
) -> None:
    logger.log(level, said["msg"], *said.get("args", ()), extra=said.get("extra"))

    assert len(leaks(logger)) == 1


def test_a_secret_is_found_in_the_cause_of_an_exception(logger: logging.Logger) -> None:
    try:
        try:
            raise ValueError(TOKEN)
        except ValueError as error:
            raise RuntimeError from error
    except RuntimeError:
        logger.exception("failed")

    assert len(leaks(logger)) == 1


def test_a_check_fails_once_for_what_was_found(logger: logging.Logger) -> None:
    detector = Detector()
    logger.handlers = [detector]
    logger.info(TOKEN)

    with pytest.raises(AssertionError, match=f"tests.leaks logged '{TOKEN}'"):
        detector.check()
    detector.check()


@pytest.mark.parametrize(
    ("where", "outcome"),
    [
        ("setup", "1 passed, 1 error"),
        ("test", "1 failed, 1 passed"),
        ("teardown", "2 passed, 1 error"),
    ],
)
def test_the_test_that_leaks_fails(tmp_path: Path, where: str, outcome: str) -> None:
    (tmp_path / "conftest.py").write_text("from tests.leaks import watch as pytest_configure\n")
    (tmp_path / "test_it.py").write_text(
        "import logging, pytest\n"
        "def log(place):\n"
        f"    if place == {where!r}: logging.getLogger('a.b').debug('%s', {TOKEN!r})\n"
        "@pytest.fixture\n"
        "def around():\n"
        "    log('setup'); yield; log('teardown')\n"
        "def test_leaks(around): log('test')\n"
        "def test_does_not(): pass\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--rootdir", tmp_path, "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=environment({"PYTHONPATH": str(Path(__file__).parents[1])}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )

    assert f"a.b logged '{TOKEN}'" in ended.stdout
    assert f"\n{outcome} in " in ended.stdout


@pytest.mark.parametrize("text", [f"line\n{BASIC}\nline", "x 17 x"])
def test_what_a_server_logs_is_looked_through(text: str) -> None:
    with pytest.raises(AssertionError, match="a secret was logged"):
        assert_no_secret(text, "17")


def test_not_even_what_sqlalchemy_can_log_holds_a_secret(
    make_app: Callable[..., Application], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="sqlalchemy")
    client = make_app().test_client()
    callers = (*PASSWORDS, ("joe", ANN_PASSWORD[1]))
    statuses = [client.get("/", auth=caller).status_code for caller in callers]

    assert statuses == [200, 200, 200, 401]
    assert "FROM author" in caplog.text
