"""`scripts/hostile-code`: what makes a lexer of Pygments slow, to trap it before an upgrade.

Each regular expression that repeats something is matched with texts that are made from it: a
beginning, a part of it again and again, and an end that does not match. The lines say which take
longer than the bound of code, though no trap keeps them from the lexer.
"""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from pygments.lexer import Lexer

from blog.content.highlighting import PLAIN
from blog.content.languages import BOUNDS, Language, find_language

# What a character may take, and what any text may, which is too short to measure.
MOST_SECONDS = 20e-6
_LEAST_SECONDS = 0.003
_STOP_SECONDS = 1.0
_OTHERS = "a1_ \"'\n({[<>$#@%&*+-=:;,./éé"
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)


class Rule(NamedTuple):
    """A regular expression, and the languages whose lexers have it."""

    pattern: re.Pattern[str]
    languages: set[Language]

    def is_too_slow(self, text: str) -> bool:
        """Whether a lexer gets the text, and takes too long for it."""
        bounds = [language.bound for language in self.languages if not language.traps(text)]
        if not bounds or len(text) > max(bound.piece for bound in bounds) or PLAIN.search(text):
            return False
        price = min(bound.price for bound in bounds)
        return _seconds(self.pattern, text) > _LEAST_SECONDS + len(text) * price * MOST_SECONDS


class Texts:
    """Texts that regular expressions match, but for what stands around them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._skip, self._unit = 0, ""

    def repeat(self, parsed: Any, piece: int) -> str:
        """A text of which a part is repeated, few times or for a whole piece of code."""
        self._skip, self._unit = self.random.randrange(6), ""
        before, _, after = self.match(parsed).partition("\0")
        unit = self._some("", "", "\\") + self._unit + self._some("", "", self._other())
        times = self._some(12, 24, 280 // (len(unit) or 1), piece // (len(unit) or 1))
        last: str = self._some("", after, "\x01", "\n\x01")
        return (before + unit * times)[: piece - len(last)] + last

    def match(self, parsed: Any) -> str:
        """A text that parsed parts match, or nearly; what they look for around it may be in it."""
        return "".join(self._part(code, value) for code, value in parsed)

    def _part(self, code: Any, value: Any) -> str:
        if code is codes.LITERAL:
            return chr(value)
        if code in (codes.ANY, codes.NOT_LITERAL):
            return self._other()
        if code is codes.IN:
            return self._one_of(value)
        if code in _REPEATS:
            return self._repeated(*value)
        return "".join(self.match(part) for part in self._inner(code, value))

    def _repeated(self, least: int, most: int, parsed: Any) -> str:
        """What is repeated, a few times; or once only a mark of where to repeat it."""
        times = min(most, least + self._some(0, 0, 1, 1, 2))
        self._skip -= most > 9
        if self._skip != -1 or self._unit:
            return "".join(self.match(parsed) for _ in range(times))
        self._unit = "\0"
        self._unit = "".join(self.match(parsed) for _ in range(times or 1))
        return "\0"

    def _inner(self, code: Any, value: Any) -> list[Any]:
        """The parts of a group, of one of several, or of what stands before or after."""
        if code is codes.BRANCH:
            return [self._some(*value[1])]
        if code is codes.SUBPATTERN:
            return [value[-1]]
        if code is codes.ATOMIC_GROUP:
            return [value]
        return [value[1]] if code is codes.ASSERT and self._some(0, 1) else []

    def _one_of(self, items: Any) -> str:
        """A character of a class; for one that excludes characters, one of the others."""
        code, value = self._some(*items)
        if items[0][0] is codes.NEGATE or code is codes.CATEGORY:
            return self._other()
        return chr(value if code is codes.LITERAL else self.random.randint(*value))

    def _other(self) -> str:
        return self.random.choice(["\\", *self.random.choices(_OTHERS, k=3)])

    def _some(self, *choices: Any) -> Any:
        return self.random.choice(choices)


def rules() -> list[Rule]:
    """The regular expressions that repeat something, of all lexers."""
    found: dict[re.Pattern[str], set[Language]] = {}
    for name in " ".join(BOUNDS.values()).split():
        language = find_language(name)
        assert language
        for pattern in _patterns(language.lexer()):
            found.setdefault(pattern, set()).add(language)
    return [Rule(*item) for item in found.items() if re.search(r"[*+{]", item[0].pattern)]


def _patterns(lexer: Lexer) -> Iterator[re.Pattern[str]]:
    """What the states of a lexer match, and those of the lexers in it."""
    for inner in ("root_lexer", "language_lexer"):
        if hasattr(lexer, inner):
            yield from _patterns(getattr(lexer, inner))
    for state in getattr(lexer, "_tokens", {}).values():
        for match, *_ in state:
            if isinstance(pattern := getattr(match, "__self__", None), re.Pattern):
                yield pattern


def _seconds(pattern: re.Pattern[str], text: str) -> float:
    """How long a match takes; it is stopped after a second."""
    began = time.thread_time()
    signal.setitimer(signal.ITIMER_REAL, _STOP_SECONDS)
    with suppress(TimeoutError):
        pattern.match(text)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return time.thread_time() - began


def _stop(*_: object) -> None:
    raise TimeoutError


def main(seed: int = 1, rounds: int = 1000) -> int:
    """The exit status: 1 where a text takes too long."""
    signal.signal(signal.SIGALRM, _stop)
    texts, slow = Texts(seed), 0
    for rule in rules():
        parsed = _parser.parse(rule.pattern.pattern, rule.pattern.flags)
        piece = max(language.bound.piece for language in rule.languages)
        tried = (texts.repeat(parsed, piece) for _ in range(rounds))
        if text := next(filter(rule.is_too_slow, tried), None):
            names = ", ".join(sorted(language.name for language in rule.languages))
            print(f"{names}: {text!r}\n    {rule.pattern.pattern!r}", flush=True)
            slow += 1
    return min(slow, 1)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
