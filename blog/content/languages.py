"""The languages whose code gets colours, and how much code of each Pygments gets at a time.

A lexer of Pygments is here if people write about its language, and if no code is known for which it
takes more than 15 microseconds for each character that is counted. For code that is made for them,
most need a time that grows with the square of its length: so their pieces are so long that this
holds. How fast a machine is makes no difference to which code has colours.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from pygments.lexer import Lexer
from pygments.lexers import get_all_lexers, get_lexer_by_name
from pygments.lexers.textfmts import HttpLexer
from pygments.token import Text


class Bound(NamedTuple):
    """How many characters a lexer gets at a time, and as how many of them each counts."""

    piece: int
    price: int


# Each language by one of the names that Pygments has for it; the others mean the same. That of HTML
# takes as long as those of the scripts and styles in it.
BOUNDS = {
    Bound(5000, 1): """
        apache bash console dart diff elixir elm erlang fsharp graphql haskell http ini jinja json
        julia latex liquid mysql nasm nginx nim nix ocaml octave properties pycon python ruby rust
        scheme scss solidity sql swift text toml vb.net vim wast xml yaml zig
    """,
    Bound(5000, 2): "json5 kotlin php powershell rst scala",
    Bound(2000, 2): "html html+jinja html+php",
    Bound(1000, 1): """
        awk c clojure cmake coffeescript common-lisp cpp css d docker emacs-lisp erb fortran gas
        glsl go handlebars javascript jsx less lua make markdown matlab objc protobuf r tsql tsx
        typescript
    """,
    Bound(1000, 3): "csharp groovy java perl",
    Bound(500, 3): "hcl",
}
# What makes a lexer take a time that doubles with each of some characters, or never end: such code
# stays plain. Each is searched in a time that its own length hardly changes.
_SHELL = r"(?s)\$'(?:(?:[^'\\]*+\\.){5}|(?:[^'\\]|\\(?![0-7]{4}).)*+\\[0-7]{4})"
_COMMENTS = r"\A(?:(?:[^\\]|\\(?!\n\s*/))*+\\\n){2}"
_HEREDOC = r"<<<\S*[^\x00-\x7f]"
_DOTS = r"[*`](?:(?:\\.|[^.\s\\])*+\.){8}"
TRAPS = {
    "bash": _SHELL, "console": _SHELL, "docker": _SHELL, "make": _SHELL,
    "c": _COMMENTS, "cpp": _COMMENTS, "objc": _COMMENTS,
    "common-lisp": _DOTS, "emacs-lisp": _DOTS,
    "fortran": r"\\[0-7]{2}",
    "perl": r"s!(?:[^\\]*+\\){14}",
    "php": _HEREDOC, "html+php": _HEREDOC,
    "pycon": r'  File "',
    "rst": r"(?m)^ *:(?:[^\\\n]*+\\){10}",
    "scala": r'"(?:[^"\\]*+\\[^"]){6,}+[^"]*+\Z',
}  # fmt: skip
# Names that Pygments does not know; and its lexer of PostgreSQL colours functions in any language.
_OTHER_NAMES = {"mjs": "javascript", "postgres": "sql", "postgresql": "sql", "wasm": "wast"}


class _HTTP(HttpLexer):
    """HTTP whose content stays as it is, for which Pygments takes any lexer."""

    tokens = {"content": [(r".+", Text)]}


class Language(NamedTuple):
    """A language whose code gets colours."""

    name: str
    bound: Bound

    def lexer(self) -> Lexer:
        """A lexer that changes nothing of the text of an author, and uses no others by name."""
        options = {"stripnl": False, "ensurenl": False, "handlecodeblocks": False}
        if self.name == "http":
            return _HTTP(**options)
        # With identifiers of ASCII, that of C# is three times as fast.
        return get_lexer_by_name(self.name, **options, unicodelevel="none")

    def traps(self, code: str) -> bool:
        """Whether the lexer may not end with code."""
        return self.name in TRAPS and bool(re.search(TRAPS[self.name], code))


def find_language(name: str) -> Language | None:
    """The language that has a name; upper and lower case are the same."""
    return _languages().get(name.lower())


@cache
def _languages() -> dict[str, Language]:
    """The languages by all their names."""
    known = {name: names for _, names, _, _ in get_all_lexers(plugins=False) for name in names}
    languages = {
        alias: Language(name, bound)
        for bound, names in BOUNDS.items()
        for name in names.split()
        for alias in known[name]
    }
    return languages | {other: languages[name] for other, name in _OTHER_NAMES.items()}
