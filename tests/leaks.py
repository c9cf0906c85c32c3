"""Secrets in the log: every record of every logger is looked through while the tests run."""

from __future__ import annotations

import json
import logging
import re
import traceback
from base64 import b64encode
from collections.abc import Generator, Iterator
from urllib.parse import quote, quote_plus

import pytest

from tests.people import ANN_PASSWORD, JOE_PASSWORD, PASSWORDS

# In which a client may send them.
_CODINGS = ("utf-8", "latin-1")
# What a client sends as Authorization, and access tokens as they are made.
_PATTERNS = (r"\b(?:Basic|Bearer) +[\w+/=.~-]{12,}", r"blogpat_[0-9A-Za-z]{42}")


def _spellings(secret: str) -> Iterator[str]:
    """A secret as it is, and as it looks in URLs, JSON and the representation of bytes."""
    yield from (secret, quote(secret, safe=""), quote_plus(secret))
    yield json.dumps(secret)[1:-1]
    yield from (repr(secret.encode(coding))[2:-1] for coding in _CODINGS)


def _credentials() -> Iterator[str]:
    """What the authors of the tests sign in with, as it is and as it is sent."""
    for name, password in PASSWORDS:
        both = f"{name}:{password}"
        yield both
        yield from (b64encode(both.encode(coding)).decode() for coding in _CODINGS)
    # RICK's password is a word that says nothing by itself.
    yield from (password for _, password in (JOE_PASSWORD, ANN_PASSWORD))


_SECRETS = {spelling for secret in _credentials() for spelling in _spellings(secret)}
_SECRET = re.compile("|".join([*_PATTERNS, *map(re.escape, sorted(_SECRETS))]), re.IGNORECASE)


def secret_in(text: str) -> str | None:
    """The first secret in a text, None where there is none."""
    found = _SECRET.search(text)
    return found and found[0]


def assert_no_secret(text: str, *others: str) -> None:
    """Assert that a log holds no secret, nor any of these others."""
    found = [line for line in text.splitlines() if secret_in(line)]
    assert not found, f"a secret was logged: {found[0]}"
    assert not [other for other in others if other in text], "a secret was logged"


class Detector(logging.Handler):
    """Looks through all that is logged; registered with pytest, fails the test that leaked."""

    def __init__(self) -> None:
        super().__init__()
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what of a record is a secret, whichever part of it that is in."""
        text = _everything(record)
        if secret := secret_in(text):
            self.leaks.append(f"{record.name} logged {secret!r}: {text:.2000}")

    def check(self) -> None:
        """Fail where a secret was logged since the last time."""
        leaks, self.leaks = self.leaks, []
        assert not leaks, "\n".join(leaks)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Generator[None]:
        yield
        self.check()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None]:
        yield
        self.check()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Generator[None]:
        yield
        self.check()


def watch(config: pytest.Config) -> None:
    """Look through what is logged from now on, at every level.

    But for SQLAlchemy's own: it logs less unless it is asked for more, and then values too.
    """
    detector = Detector()
    root = logging.getLogger()
    root.addHandler(detector)
    root.setLevel(logging.NOTSET + 1)
    config.pluginmanager.register(detector)


def _everything(record: logging.LogRecord) -> str:
    """All that any formatter could write of a record."""
    values = [f"{name}={value!r}" for name, value in record.__dict__.items()]
    error = record.exc_info[1] if record.exc_info else None
    trace = traceback.format_exception(error) if error else []
    return "\n".join([record.getMessage(), *values, *trace])
