"""The requests that are sent, and how their responses are checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from string import Template
from typing import NamedTuple

from scripts.benchmark.databases import ID_PREFIX, Blog, post_id, title
from scripts.benchmark.servers import ask

PAGE = 20
# One of so many requests of a mixed load is a write; the others are for the first page, and for
# so many of its posts, in turn.
_MIXTURE = 100
_MIXED_POSTS = 10

_TEXT = "A *sentence* of an author, with [a link](https://example.org). And then another one."
# Dated back, so that the first page stays as it is. Lua puts the title in.
_POST = {
    "title": "%s %d",
    "body": _TEXT,
    "tags": ["news", "bench"],
    "postedDate": "2001-01-01T00:00:00Z",
}
# Each title is new, so that no slug is taken.
_WRITE = """
local written = 0
local function write()
    written = written + 1
    local body = ([==[$post]==]):format("$run", written)
    local headers = {["Authorization"] = "$authorization", ["Content-Type"] = "application/json"}
    return wrk.format("POST", "/post", headers, body)
end
"""
_ALWAYS = "request = write\n"
_MIXED = """
local paths, number = {$paths}, 0
request = function()
    number = number + 1
    if number % $mixture == 0 then
        return write()
    end
    return wrk.format("GET", paths[number % #paths + 1])
end
"""
_ANY = """
math.randomseed(tonumber("$run", 16))
request = function()
    return wrk.format("GET", ("/post/%s%07d"):format("$prefix", math.random($posts)))
end
"""
_EACH = """
local number = $read
request = function()
    number = number % $posts + 1
    return wrk.format("GET", ("/post/%s%07d"):format("$prefix", number))
end
"""


# Each Accept is new, so that none is cached.
_LONG_HEADS = """
local sent = 0
request = function()
    sent = sent + 1
    local accept = ("text/x%d$run,"):format(sent):rep(1700)
    return wrk.format("GET", nil, {["Accept"] = accept})
end
"""


class WrongAnswer(Exception):
    """Raised for a response that differs from the one to be measured."""


class Question(NamedTuple):
    """A request, and the response that it must have."""

    path: str
    is_right: Callable[[bytes], bool]
    method: str = "GET"
    status: int = 200
    headers: Mapping[str, str] = {}
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """Requests of which some are tried first: those for a path, or those that a script makes."""

    questions: Sequence[Question]
    script: str = ""
    # Whether the client already has the response, so that it is 304.
    known: bool = False
    # The load that many other clients send meanwhile; their responses do not count.
    beside: Load | None = None

    @property
    def path(self) -> str:
        """The path that is requested, unless a script names another one."""
        return self.questions[0].path

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields of the request."""
        return self.questions[0].headers


def constant(answer: bytes) -> Load:
    """The root of a server that always sends the same response."""
    return Load([Question("/", lambda body: body == answer)])


def root(_blog: Blog) -> Load:
    """The entry links."""
    return Load([Question("/", lambda body: "posts" in json.loads(body)["_links"])])


def newest_post(blog: Blog) -> Load:
    """One post."""
    return Load([_post(blog.posts)])


def known_post(blog: Blog) -> Load:
    """One post, for a client that has it."""
    return Load([_post(blog.posts)], known=True)


def first_page(blog: Blog) -> Load:
    """The newest posts."""
    return Load([_page("/post", blog.posts)])


def first_page_beside_long_heads(path: str) -> Callable[[Blog], Load]:
    """The newest posts, while others ask for a path with 31 KB of Accept."""

    def load(blog: Blog) -> Load:
        others = Load([Question(path, lambda _: True, status=431)], _fill_in(_LONG_HEADS))
        return replace(first_page(blog), beside=others)

    return load


def deep_page(blog: Blog) -> Load:
    """The page after nine in ten of the posts."""
    depth = blog.posts * 9 // 10
    return Load([_page(blog.page(depth), blog.posts - depth)])


def any_post(blog: Blog) -> Load:
    """Posts at random."""
    return Load([_post(blog.posts)], _fill_in(_ANY, posts=str(blog.posts)))


def each_post(blog: Blog, read: int) -> Load:
    """One post after the other, beginning after those that have been read."""
    return Load([_post(blog.posts)], _fill_in(_EACH, posts=str(blog.posts), read=str(read)))


def new_posts(authorization: Callable[[Blog], str]) -> Callable[[Blog], Load]:
    """Posts that an author creates, with these credentials."""

    def load(blog: Blog) -> Load:
        sent = authorization(blog)
        return Load([_creation(sent)], _writing(sent) + _ALWAYS)

    return load


def mixed(blog: Blog) -> Load:
    """The first page and some of its posts, and a post that is written now and then."""
    numbers = range(blog.posts, blog.posts - _MIXED_POSTS, -1)
    reads = [_page("/post", blog.posts), *(_post(number) for number in numbers)]
    paths = ", ".join(f'"{question.path}"' for question in reads)
    script = _fill_in(_MIXED, paths=paths, mixture=str(_MIXTURE))
    return Load([*reads, _creation(blog.with_token)], _writing(blog.with_token) + script)


def prepare(load: Load, port: int) -> Load:
    """The load as a server can be sent it. Raises WrongAnswer unless the answers are right."""
    answers = [_check(port, question) for question in load.questions]
    if not load.known:
        return load
    (question,), (etag,) = load.questions, answers
    headers = {"If-None-Match": etag}
    unchanged = question._replace(status=304, headers=headers, is_right=lambda body: not body)
    _check(port, unchanged)
    return replace(load, questions=[unchanged])


def _check(port: int, question: Question) -> str:
    """Send the request, and return the entity-tag of the response."""
    path, is_right, method, status, headers, body = question
    answer = ask(port, method, path, headers, body)
    if answer.status != status or not is_right(answer.body):
        raise WrongAnswer(f"{method} {path} is answered {answer.status} {answer.body!r:.300}")
    return answer.etag


def _post(number: int) -> Question:
    return Question(f"/post/{post_id(number)}", lambda body: _title(body) == title(number))


def _page(path: str, first: int) -> Question:
    """A question for the posts from one on, which are the newest of those that are left."""
    expected = [title(number) for number in range(first, first - PAGE, -1)]
    return Question(
        path, lambda body: [item["title"] for item in json.loads(body)["data"]] == expected
    )


def _creation(authorization: str) -> Question:
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    body = json.dumps({**_POST, "title": "Begun"})
    return Question("/post", lambda body: _title(body) == "Begun", "POST", 201, headers, body)


def _title(body: bytes) -> object:
    return json.loads(body)["title"]


def _writing(authorization: str) -> str:
    return _fill_in(_WRITE, authorization=authorization, post=json.dumps(_POST))


def _fill_in(script: str, **values: str) -> str:
    """The script with all placeholders filled in, except those that are new in each run."""
    return Template(script).safe_substitute(values, prefix=ID_PREFIX)
