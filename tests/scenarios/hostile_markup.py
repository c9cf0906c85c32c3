"""`scripts/hostile-markup`: no body makes a worker render for long, or take much memory.

Each shape of a body is rendered in a process of its own, at three sizes, and at the largest that is
accepted; the table says how long a thread computed, by how much the process grew, and why a body is
refused.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from resource import RLIMIT_AS, RUSAGE_SELF, getrusage, setrlimit
from typing import NamedTuple

from blog.content import html_bounds, markdown
from blog.content.posts import Format
from blog.errors import Invalid
from tests.renderings import render
from tests.scenarios.hostile_shapes import SHAPES

SIZES = {"64 KiB": 65_536, "256 KiB": 262_144, "1 MiB": 1_048_576}
# Where a shape is refused at its largest: about the largest size that is accepted.
ACCEPTED = "accepted"
_STEPS = 10
MOST_SECONDS = 2.0
MOST_MEGABYTES = 300
# When a process is stopped that does not keep to them.
_LAST_SECOND = 30
_LAST_BYTE = 3 * 1024**3
# What a worker has rendered before: lexers and parsers are loaded by then.
_FIRST_BODY = "# A\n\n[b](c) ![](d)\n\n```python\nif a:\n    pass\n```\n\n|a|\n|-|\n|b|\n"


class Outcome(NamedTuple):
    """What rendering a body took, and why it was refused, if it was."""

    format: Format
    shape: str
    size: str
    seconds: float
    megabytes: float
    answer: str

    @property
    def is_bounded(self) -> bool:
        """Whether the body took no more than it may."""
        return self.seconds <= MOST_SECONDS and self.megabytes <= MOST_MEGABYTES

    @property
    def is_refused(self) -> bool:
        """Whether the body was refused; else, its rendering is counted in characters."""
        return not self.answer.endswith(" characters") and "**" not in self.answer

    def row(self) -> str:
        """A row of the table."""
        numbers = f"{self.seconds:.2f} s | {self.megabytes:.0f} MB"
        return f"| {self.format} | {self.shape} | {self.size} | {numbers} | {self.answer} |"


def measure(format: Format, shape: str, size: str) -> Outcome:
    """What one body takes, in a process of its own."""
    length = str(SIZES.get(size) or _largest_accepted(format, shape))
    command = [sys.executable, "-m", __spec__.name, "--one", format, shape, length]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_LAST_SECOND, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome(format, shape, size, _LAST_SECOND, 0, "**stopped**")
    if done.returncode:
        return Outcome(format, shape, size, 0, 1e9, f"**exit {done.returncode}**")
    return Outcome(format, shape, size, *json.loads(done.stdout))


def render_one(format: Format, shape: str, length: str) -> None:
    """Render a body in this process, and print what it took as JSON."""
    setrlimit(RLIMIT_AS, (_LAST_BYTE, _LAST_BYTE))
    body = SHAPES[format, shape](int(length))
    for known in ("markdown", "html"):
        render(_FIRST_BODY, known, "0" * 24)
    memory, began = _peak(), time.thread_time()
    try:
        answer = f"{len(render(body, format, '0' * 24)):,} characters"
    except Invalid as refusal:
        answer = refusal.faults[0].detail
    print(json.dumps([time.thread_time() - began, _peak() - memory, answer]))


def _largest_accepted(format: Format, shape: str) -> int:
    """The largest size that is accepted, as far as a few steps find it without rendering."""
    accepted, refused = 0, SIZES["1 MiB"]
    for _ in range(_STEPS):
        size = (accepted + refused) // 2
        if _is_accepted(SHAPES[format, shape](size), format):
            accepted = size
        else:
            refused = size
    return accepted


def _is_accepted(body: str, format: Format) -> bool:
    if format == "markdown":
        return not markdown.excess(body) and not html_bounds.excess(markdown.to_html(body))
    return not html_bounds.excess(body)


def _peak() -> float:
    """The most memory that this process has had, in MB."""
    return getrusage(RUSAGE_SELF).ru_maxrss / 1000


def outcomes(part: str, sizes: list[str]) -> Iterator[Outcome]:
    """All shapes with a part in their names, at each size."""
    for format, shape in SHAPES:
        if part in f"{format} {shape}":
            found = [measure(format, shape, size) for size in sizes]
            yield from found
            if found[-1].is_refused:
                yield measure(format, shape, ACCEPTED)


def main() -> int:
    """The exit status: 1 where a body takes more than it may."""
    parser = argparse.ArgumentParser(prog="hostile-markup", description=__doc__)
    parser.add_argument("part", nargs="?", default="", help="only shapes with this in their names")
    parser.add_argument("--size", choices=SIZES, action="append", help="only bodies of this size")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        render_one(*options.one)
        return 0
    print("| format | shape | size | time | memory | answer |\n| - | - | - | -: | -: | - |")
    unbounded = 0
    for outcome in outcomes(options.part, options.size or [*SIZES]):
        print(outcome.row(), flush=True)
        unbounded += not outcome.is_bounded
    if unbounded:
        print(f"hostile-markup: {unbounded} bodies take too much", file=sys.stderr)
    return min(unbounded, 1)


if __name__ == "__main__":
    sys.exit(main())
