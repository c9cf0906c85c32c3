"""Hundreds of odd texts in fields and patches, the same at every run: no 5xx, nothing unseen."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blog.content.slugs import check_slug
from blog.content.texts import is_visible
from tests.contract import create, read
from tests.people import RICK

SEED = 20260102
REQUESTS = 400
SURROGATES = ["\ud800", "\udbff", "\udc00", "\udfff", "\ud83d\ud83d"]
INVISIBLE = [
    *("\u00ad", "\u034f", "\u115f", "\u180b", "\u200b", "\u200c", "\u200d", "\u202e", "\u2060"),
    *("\u2800", "\u3164", "\ufe0f", "\ufeff", "\uffa0", "\U000e0041", "\U000e0100", "\u0301"),
]
LINE_BREAKS = ["\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"]
ORDINARY = ["a", "Z", "1", " ", "'", "\u2019", "é", "İ", "क\u094d", "☺", "-", ".", "/", "~", "~0"]
PIECES = [*SURROGATES, *INVISIBLE, *LINE_BREAKS, *ORDINARY, *ORDINARY, *ORDINARY, "\0", "%s"]
FIELDS = ["title", "body", "summary", "slug", "tags", "status", "format", "postedDate"]
NAMES = [*FIELDS, "authorName", "updatedDate", "bodyHtml", "_links", "_embedded", "sumary"]
PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"


def text(chance: random.Random) -> str:
    """A text of some pieces, odd and ordinary."""
    return "".join(chance.choices(PIECES, k=chance.randrange(6)))


def value(chance: random.Random) -> Any:
    """A value for a member, mostly a text."""
    odd = [None, True, -1, 1e300, 10**300, [], {}, [text(chance)], {text(chance): text(chance)}]
    return chance.choice([text(chance)] * 12 + odd)


def pointer(chance: random.Random) -> str:
    """A pointer to a member, or to something odd."""
    steps = [chance.choice([*NAMES, text(chance)])]
    if chance.random() < 0.3:
        steps.append(chance.choice(["0", "-", "01", "self", text(chance)]))
    return chance.choice(["", "", text(chance), *["/" + "/".join(steps)] * 12])


def operation(chance: random.Random) -> dict[str, Any]:
    """An operation that is nearly right."""
    made = {
        "op": chance.choice(["add", "remove", "replace", "move", "copy", "test", text(chance)]),
        "path": pointer(chance),
        "from": pointer(chance),
        "value": value(chance),
    }
    if chance.random() < 0.1:
        del made[chance.choice(list(made))]
    return made


def fields(chance: random.Random) -> dict[str, Any]:
    """Some members of a post, known and unknown."""
    return {chance.choice([*NAMES, *FIELDS, text(chance)]): value(chance) for _ in range(2)}


def send(client: FlaskClient, path: str, chance: random.Random) -> TestResponse:
    """Change the post in one of the ways that there are, or make another one."""
    body: object
    kind = chance.randrange(3)
    if kind == 0:
        body = [operation(chance) for _ in range(chance.randrange(1, 3))]
        return client.patch(path, data=json.dumps(body), content_type=PATCH, auth=RICK)
    body = fields(chance)
    if kind == 1:
        return client.patch(path, data=json.dumps(body), content_type=MERGE, auth=RICK)
    whole = json.dumps({"title": text(chance), "body": text(chance), **body})
    return client.post("/post", data=whole, content_type="application/json", auth=RICK)


@pytest.mark.slow
def test_odd_text_is_taken_or_refused_and_what_is_taken_can_be_seen(client: FlaskClient) -> None:
    chance = random.Random(SEED)
    path = create(client, title="T", tags=["a", "b"])
    answers = [send(client, path, chance) for _ in range(REQUESTS)]

    counted = Counter(answer.status_code for answer in answers)
    assert set(counted) <= {200, 201, 400, 409, 422}
    # Each way was gone, and none of them alone.
    assert min(counted[status] for status in (200, 201, 400, 409, 422)) > 5
    for answer in answers:
        post = json.loads(answer.get_data().decode())
        if answer.status_code < 300:
            assert all(any(map(is_visible, line)) for line in (post["title"], *post["tags"]))
            assert check_slug(post["slug"]) == post["slug"]
    assert read(client, path)["authorName"] == "rick"
