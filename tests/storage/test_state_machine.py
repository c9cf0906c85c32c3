"""The API as a whole against a simple model in memory, driven by random sequences of requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from werkzeug.test import TestResponse

from blog.content.dates import format_date_time
from blog.content.slugs import derive_slug
from blog.database.database import Database
from blog.http.application import Application
from blog.maintenance import integrity
from tests.contract import WRITTEN, Clock, assert_problem, path_of
from tests.people import ANN, JOE, RICK
from tests.rivals import change

Credentials = tuple[str, str] | None
Fields = dict[str, Any]

CALLERS: list[Credentials] = [None, RICK, JOE, ANN]
EMPTIED = ("idempotency_key", "revision", "tag", "post")
DEFAULTS: Fields = {"format": "markdown", "summary": None, "tags": [], "status": "published"}
MACHINE = settings(
    deadline=None,
    stateful_step_count=50,
    # To look for a shorter sequence takes minutes.
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

authors = st.sampled_from([RICK, JOE])
writers = st.sampled_from([ANN, RICK, JOE, ANN])
callers = st.sampled_from(CALLERS)
# Few values of each, so that many requests have the same effect or none. Dates are in hours from
# now: a post may be of old, of this moment or scheduled.
hours = st.sampled_from([1, None, -24, 0, 2])
changes = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["One", "Two"]),
        "body": st.sampled_from(["", "*b*"]),
        "tags": st.sampled_from([[], ["a"], ["b", "a"]]),
        "summary": st.sampled_from([None, "S"]),
        "status": st.sampled_from(["published", "draft"]),
        "slug": st.sampled_from([None, "one", "chosen"]),
        "postedDate": hours,
    },
)
wholes = changes.map(lambda fields: {"title": "One", "body": "", **fields})


@dataclass
class Version:
    """One version of a post, without fields if it is a deletion."""

    operation: str
    at: datetime
    by: str
    fields: Fields | None


@dataclass
class Post:
    """A post that is or was there."""

    path: str
    author: str
    versions: list[Version] = field(default_factory=list)
    # What a client has seen of each version.
    tags: dict[int, str] = field(default_factory=dict)

    @property
    def fields(self) -> Fields | None:
        """What it says now; None if it is not there."""
        return self.versions[-1].fields if self.versions else None

    @property
    def sort_date(self) -> str:
        """Where it stands in lists."""
        assert self.fields
        return str(self.fields["postedDate"] or format_date_time(self.versions[0].at))

    def editable(self, caller: Credentials) -> bool:
        """Whether the caller may change it."""
        return caller == ANN or (caller is not None and caller[0] == self.author)

    def visible(self, caller: Credentials, now: datetime) -> bool:
        """Whether the caller may see it."""
        if not self.fields:
            return False
        due = self.sort_date <= format_date_time(now)
        return self.editable(caller) or (self.fields["status"] == "published" and due)


@dataclass
class Follower:
    """One who keeps a copy by the change feed: which version of each post they have."""

    caller: Credentials
    after: str = "/change?limit=3"
    copy: dict[str, int] = field(default_factory=dict)


class Blog(RuleBasedStateMachine):
    """Requests, each with what the model says to its answer."""

    posts = Bundle("posts")

    def __init__(self, app: Application, clock: Clock, database: Database, url: str) -> None:
        super().__init__()
        change(url, *(f"DELETE FROM {table}" for table in EMPTIED))
        self.client, self.clock, self.database = app.test_client(), clock, database
        self.known: list[Post] = []
        self.keys: dict[tuple[str, str], tuple[Fields, datetime, TestResponse]] = {}
        self.followers = {caller: Follower(caller) for caller in CALLERS}

    # What the model makes of a request.

    def dated(self, fields: Fields) -> Fields:
        """The fields with the date written out."""
        if fields.get("postedDate") is None:
            return dict(fields)
        moment = self.clock() + timedelta(hours=fields["postedDate"])
        return {**fields, "postedDate": format_date_time(moment)}

    def settled(self, fields: Fields) -> Fields:
        """The fields with a date, if the post has to have one."""
        if fields["postedDate"] is None and fields["status"] == "published":
            return {**fields, "postedDate": format_date_time(self.clock())}
        return fields

    def is_taken(self, slug: str | None, post: Post | None) -> bool:
        """Whether another post that is there has the slug."""
        others = [other for other in self.known if other is not post and other.fields]
        return slug in [other.fields["slug"] for other in others if other.fields]

    def check_slug(self, wanted: str | None, title: str, post: Post | None, slug: str) -> None:
        """A slug is the chosen one, or made of the title with a number where it has to be."""
        assert not self.is_taken(slug, post)
        if wanted is not None:
            assert slug == wanted
        else:
            derived = derive_slug(title)
            assert slug == derived or self.is_taken(derived, post), slug
            assert re.fullmatch(re.escape(derived) + r"(-\d+)?", slug)

    def add(self, post: Post, by: Credentials, operation: str, fields: Fields | None) -> None:
        """Note a new version."""
        assert by
        last = post.versions[-1].at if post.versions else self.clock()
        post.versions.append(Version(operation, max(last, self.clock()), by[0], fields))

    def wrote(self, post: Post, by: Credentials, wanted: Fields, answer: TestResponse) -> None:
        """Check the answer to a change, and note the new version if there is one."""
        assert answer.status_code in (200, 201), answer.text
        now = {name: answer.json[name] for name in WRITTEN}
        self.check_slug(wanted["slug"], wanted["title"], post, now["slug"])
        assert now == {**self.settled(wanted), "slug": now["slug"]}
        if now != post.fields:
            self.add(post, by, "updated" if post.fields else "created", now)

    # Writing.

    @rule(target=posts, fields=wholes, author=authors, key=st.sampled_from([None, "a", "b"]))
    def create(self, fields: Fields, author: Credentials, key: str | None) -> Any:
        assert author
        body = self.dated(fields)
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = self.client.post("/post", json=body, auth=author, headers=headers)
        kept = self.keys.get((author[0], key or ""))
        if kept and self.clock() < kept[1] + timedelta(hours=24):
            if kept[0] != body:
                assert_problem(answer, 422)
            else:
                assert (answer.status_code, answer.data) == (201, kept[2].data)
                assert answer.headers["Location"] == kept[2].headers["Location"]
            return multiple()
        if self.is_taken(body.get("slug"), None):
            assert_problem(answer, 409)
            return multiple()
        post = Post(path_of(answer.headers["Location"]), author[0])
        self.known.append(post)
        self.wrote(post, author, {"slug": None, "postedDate": None, **DEFAULTS, **body}, answer)
        if key:
            self.keys[author[0], key] = body, self.clock(), answer
        return post

    def attempt(
        self,
        method: str,
        path: str,
        post: Post,
        caller: Credentials,
        seen: int | None,
        body: Any,
        valid: bool = True,
    ) -> TestResponse | None:
        """Send a change; give the answer unless the model knows that it is refused."""
        headers = {"If-Match": post.tags[seen]} if seen else {}
        answer = self.client.open(path, method=method, json=body, auth=caller, headers=headers)
        undelete = path != post.path and not post.fields and post.editable(caller)
        if not post.visible(caller, self.clock()) and not undelete:
            assert_problem(answer, 404)
        elif not post.editable(caller):
            assert_problem(answer, 403)
        elif not valid:
            assert_problem(answer, 422)
        elif seen and seen != len(post.versions):
            self.check_stale(post, seen, answer)
        else:
            return answer
        return None

    def check_stale(self, post: Post, seen: int, answer: TestResponse) -> None:
        """A write that comes too late gets the names of the changed fields."""
        problem = assert_problem(answer, 412)
        before, now = post.versions[seen - 1].fields, post.fields
        assert problem["etag"] == answer.headers["ETag"]
        if before and now:
            assert problem["changed"] == [name for name in WRITTEN if before[name] != now[name]]

    def seen_version(self, post: Post, choice: int) -> int | None:
        """A version that some client has seen, or None for a change without a precondition."""
        versions = [None, *post.tags]
        return versions[-1 - choice % len(versions)]

    @rule(post=posts, caller=writers, choice=st.integers(0, 5), fields=wholes)
    def replace(self, post: Post, caller: Credentials, choice: int, fields: Fields) -> None:
        body, seen = self.dated(fields), self.seen_version(post, choice)
        kept = {name: (post.fields or {}).get(name) for name in ("slug", "postedDate")}
        self.change("PUT", post, caller, seen, body, {**DEFAULTS, **kept, **body})

    @rule(post=posts, caller=writers, choice=st.integers(0, 5), fields=changes)
    def patch(self, post: Post, caller: Credentials, choice: int, fields: Fields) -> None:
        body, seen = self.dated(fields), self.seen_version(post, choice)
        self.change("PATCH", post, caller, seen, body, {**(post.fields or {}), **body})

    def change(
        self,
        method: str,
        post: Post,
        caller: Credentials,
        seen: int | None,
        body: Fields,
        wanted: Fields,
    ) -> None:
        """Change a post that is there to what is wanted."""
        answer = self.attempt(method, post.path, post, caller, seen, body)
        if answer is not None and self.is_taken(wanted["slug"], post):
            assert_problem(answer, 409)
        elif answer is not None:
            self.wrote(post, caller, wanted, answer)

    @rule(post=posts, caller=writers, choice=st.integers(0, 5))
    def delete(self, post: Post, caller: Credentials, choice: int) -> None:
        seen = self.seen_version(post, choice)
        answer = self.attempt("DELETE", post.path, post, caller, seen, None)
        if answer is not None:
            assert answer.status_code == 204
            self.add(post, caller, "deleted", None)

    @rule(post=posts, caller=writers, choice=st.integers(0, 5), number=st.integers(1, 6))
    def restore(self, post: Post, caller: Credentials, choice: int, number: int) -> None:
        path, seen = f"{post.path}/revision", self.seen_version(post, choice)
        body, before = {"restore": number}, len(post.versions)
        wanted = post.versions[number - 1].fields if number <= before else None
        answer = self.attempt("POST", path, post, caller, seen, body, wanted is not None)
        if answer is None or wanted is None:
            return
        if self.is_taken(wanted["slug"], post):
            wanted = {**wanted, "slug": None}
        self.wrote(post, caller, wanted, answer)
        assert answer.status_code == (201 if len(post.versions) > before else 200)
        assert answer.json["version"] == len(post.versions)

    @rule(duration=st.sampled_from([{"seconds": 1}, {"hours": 1}, {"hours": 24}]))
    def let_time_pass(self, duration: Mapping[str, float]) -> None:
        self.clock.advance(**duration)

    # Reading.

    @rule(post=posts, caller=callers)
    def read(self, post: Post, caller: Credentials) -> None:
        answer = self.client.get(post.path, auth=caller)
        if not post.visible(caller, self.clock()):
            assert_problem(answer, 404)
            return
        post.tags[len(post.versions)] = answer.headers["ETag"]
        assert self.shown(post) == {name: answer.json[name] for name in self.shown(post)}
        assert ("edit" in answer.json["_links"]) == post.editable(caller)

    def shown(self, post: Post) -> Fields:
        """What a post shows of itself."""
        updated = format_date_time(post.versions[-1].at)
        return {**(post.fields or {}), "updatedDate": updated, "authorName": post.author}

    @rule(post=posts, caller=callers)
    def read_history(self, post: Post, caller: Credentials) -> None:
        answer = self.client.get(f"{post.path}/revision?limit=100", auth=caller)
        if not post.editable(caller):
            seen = post.visible(caller, self.clock())
            assert_problem(answer, 404 if not seen else 403 if caller else 401)
            return
        # Who reads the list may make it a precondition, as with the post.
        post.tags[len(post.versions)] = answer.headers["ETag"]
        assert [self.listed(item) for item in answer.json["data"]] == [
            (number, version.operation, format_date_time(version.at), version.by, version.fields)
            for number, version in reversed(list(enumerate(post.versions, 1)))
        ]

    def listed(self, item: Fields) -> tuple[Any, ...]:
        """A version as a list has it, with the body that it has by itself."""
        event = tuple(item[name] for name in ("version", "operation", "at", "by"))
        whole = self.client.get(path_of(item["_links"]["self"]), auth=ANN).json
        return *event, {name: whole[name] for name in WRITTEN} if "title" in item else None

    @rule(caller=callers, limit=st.sampled_from([1, 2, 100]))
    def read_list(self, caller: Credentials, limit: int) -> None:
        self.check_list(caller, limit)

    @invariant()
    def the_editor_is_shown_everything(self) -> None:
        self.check_list(ANN, 100)

    def check_list(self, caller: Credentials, limit: int) -> None:
        """All pages of the posts are what the caller may see, the newest first."""
        url: str | None = f"/post?limit={limit}"
        items: list[Fields] = []
        while url:
            page = self.client.get(path_of(url), auth=caller).json
            items += page["data"]
            url = page["_links"].get("next")
        visible = [post for post in self.known if post.visible(caller, self.clock())]
        visible.sort(key=lambda post: (post.sort_date, post.path), reverse=True)
        for item in items:
            item["path"] = path_of(item.pop("_links")["self"])
        assert items == [{**self.shown(post), "path": post.path} for post in visible]

    # Following.

    @rule(caller=callers, pages=st.sampled_from([1, 2, 1000]))
    def follow(self, caller: Credentials, pages: int) -> None:
        self.keep_up(self.followers[caller], pages)

    def keep_up(self, follower: Follower, pages: int = 1000) -> None:
        """Bring a copy up to date, page by page; at the end it is what the model shows."""
        for _ in range(pages):
            page = self.client.get(follower.after, auth=follower.caller).json
            follower.after = path_of(page["_links"]["next"])
            if not page["data"]:
                visible = [p for p in self.known if p.visible(follower.caller, self.clock())]
                assert follower.copy == {post.path: len(post.versions) for post in visible}
                return
            for item in page["data"]:
                self.apply(follower, item)

    def apply(self, follower: Follower, item: Fields) -> None:
        """Apply one change to a copy: it has to fit."""
        path = path_of(item["_links"]["post"])
        assert (path in follower.copy) == (item["operation"] != "created"), item
        if item["operation"] == "deleted":
            del follower.copy[path]
        else:
            assert item["version"] > follower.copy.get(path, 0)
            follower.copy[path] = item["version"]

    def teardown(self) -> None:
        """At the end all copies are right, those too that start now, and the database is sound."""
        for caller, follower in self.followers.items():
            self.keep_up(follower)
            self.keep_up(Follower(caller))
        assert integrity.faults(self.database) == []


@pytest.mark.long
def test_every_sequence_of_requests_does_what_the_model_says(
    make_app: Callable[..., Application], clock: Clock, database: Database, database_url: str
) -> None:
    app = make_app(database_connections=1)
    # A server takes three times as long.
    examples = 20 if database_url.startswith("sqlite") else 10
    wanted = settings(MACHINE, max_examples=examples)

    run_state_machine_as_test(lambda: Blog(app, clock, database, database_url), settings=wanted)
