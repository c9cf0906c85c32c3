"""Chromium, which shows bodies on a page and tells what ran, and what it made of each of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from enum import Enum
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import unquote

from tests.content.dangers import EMBEDS, dangers_in, runs

_PROGRAM = shutil.which("chromium")
# In seconds: much longer than the largest page takes.
_TIMEOUT = 120
_SCRIPT = Path(__file__).with_suffix(".js").read_text()
# With it, the browser tells also of what runs without a sound, or is loaded.
_POLICY = (
    "default-src 'none'; script-src 'nonce-page'; base-uri 'none'; form-action 'none'; "
    "img-src http: https: file:; media-src http: https: file:; "
    f"frame-src {' '.join(f'https://{host}' for host in EMBEDS)}"
)
# What is on the page, as `chromium.js` describes it: names, ids, and numbers of attributes.
_AROUND = ["HTML  0", "HEAD  0", "BODY  0"]


class Way(Enum):
    """How bodies get on the page, and whether it has a policy that forbids scripts."""

    PARSED = (False, False)
    PARSED_GUARDED = (False, True)
    INSERTED = (True, False)
    INSERTED_GUARDED = (True, True)


class Finding(NamedTuple):
    """What should not have happened, and the number of the body that did it, if that is known."""

    number: int | None
    what: str


def is_installed() -> bool:
    """Whether this machine has a Chromium to start."""
    return _PROGRAM is not None


def watch(bodies: Sequence[str], way: Way) -> list[Finding]:
    """Show each body in an article of its own, and find what runs or gets out of it."""
    # A process of the browser may end a little later than the one that was started.
    with TemporaryDirectory(prefix="blog-", ignore_cleanup_errors=True) as directory:
        file = Path(directory, "page.html")
        file.write_text(_page(bodies, *way.value))
        said = re.search(r"<html>(%7B[^<]+)</html>", _dump(file))
    if said is None:
        return [Finding(None, "the page is gone")]
    return list(_find(json.loads(unquote(unescape(said[1]))), len(bodies)))


def _page(bodies: Sequence[str], is_inserted: bool, is_guarded: bool) -> str:
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    script = _SCRIPT
    shown = "".join(f'<article id="{n}">{body}</article><hr>after' for n, body in enumerate(bodies))
    if is_inserted:
        # The end of a script would end this one.
        texts = json.dumps(list(bodies)).replace("<", "\\u003c")
        script += f'addEventListener("DOMContentLoaded", () => insert({texts}));'
        shown = ""
    return (
        f'<!doctype html><html><head><meta charset="utf-8">{policy if is_guarded else ""}'
        f'<script nonce="page">{script}</script></head><body>{shown}</body></html>'
    )


def _dump(file: Path) -> str:
    """The page as it is at last. Nothing leaves the machine; as root, there is no sandbox."""
    assert _PROGRAM
    command = [
        _PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={file.parent / 'profile'}", "--virtual-time-budget=5000", "--dump-dom",
        file.as_uri(),
    ]  # fmt: skip
    home = {**os.environ, "HOME": str(file.parent)}
    done = subprocess.run(command, env=home, capture_output=True, timeout=_TIMEOUT, check=True)
    return done.stdout.decode()


def _find(said: dict[str, Any], count: int) -> Iterator[Finding]:
    for name, what in said["noted"]:
        # An article that got out of another has any name.
        yield Finding(int(name) if name and name.isdecimal() else None, what)
    articles = [each for n in range(count) for each in (f"ARTICLE {n} 1", "HR  0", "#text  0")]
    if said["around"] != _AROUND + articles or len(said["articles"]) != count:
        yield Finding(None, f"the page is another: {_difference(said['around'], articles)}")
    if said["sheets"] or not said["base"]:
        yield Finding(None, "the page has other styles, or addresses")
    for number, elements in enumerate(said["articles"]):
        yield from (Finding(number, what) for what in _dangers(elements))


def _difference(around: list[str], articles: list[str]) -> str:
    pairs = zip(around, _AROUND + articles, strict=False)
    return next((f"{is_} for {was}" for is_, was in pairs if is_ != was), "its end")


def _dangers(elements: list[tuple[str, dict[str, str], list[str]]]) -> Iterator[str]:
    yield from dangers_in((name, attributes) for name, attributes, _ in elements)
    yield from (each for _, _, addresses in elements for each in addresses if runs(each))
