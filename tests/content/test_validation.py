"""From a request body to checked content: every fault at once, each in a sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blog.content import authors, posts
from blog.content.authors import Profile, check_name, check_password, fold_name
from blog.content.json_size import count_values, exceeds_depth
from blog.content.posts import PostContent, fold_tag, new_post_id, settle_date
from blog.content.texts import check_encodable
from blog.content.validation import as_json, pointer, validate
from blog.errors import AccountError, Fault, Invalid

MEBIBYTE = 1024 * 1024
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def read_post(**fields: Any) -> PostContent:
    """Content of a post, with a title and a body unless given."""
    return validate(PostContent, {"title": "t", "body": "", **fields}, posts.SERVER_FIELDS)


def read_profile(**fields: Any) -> Profile:
    return validate(Profile, fields, authors.SERVER_FIELDS)


def faults_of_post(**fields: Any) -> dict[str | None, str]:
    """Where the faults of a post are, and what they say."""
    with pytest.raises(Invalid) as refusal:
        read_post(**fields)
    return {fault.pointer: fault.detail for fault in refusal.value.faults}


def test_omitted_fields_have_their_defaults() -> None:
    content = read_post()

    assert content.model_dump() == {
        "title": "t",
        "body": "",
        "format": "markdown",
        "summary": None,
        "tags": (),
        "status": "published",
        "slug": None,
        "posted_date": None,
    }


def test_every_field_is_read() -> None:
    content = read_post(
        title="  Hello  ",
        body="\ttext \r\n",
        format="html",
        summary="In\nshort",
        tags=["b", "a"],
        status="draft",
        slug="u\u0308ber",
        postedDate="2026-11-22T13:00:00+01:00",
    )

    assert content.model_dump() == {
        "title": "Hello",
        "body": "\ttext \r\n",
        "format": "html",
        "summary": "In\nshort",
        "tags": ("b", "a"),
        "status": "draft",
        "slug": "über",
        "posted_date": NOON,
    }


def test_every_fault_is_found_at_once() -> None:
    faults = faults_of_post(
        title=1, body=None, format="word", tags=["a", 2, ""], postedDate="soon", titel=1
    )

    assert faults == {
        "#/title": "must be a string, not a number",
        "#/body": "must be a string, not null",
        "#/format": "must be 'markdown', 'html' or 'text', not 'word'",
        "#/tags/1": "must be a string, not a number",
        "#/tags/2": "must have 1 to 50 characters, not 0",
        "#/postedDate": "must be an RFC 3339 date-time with an offset, "
        "such as 2026-11-22T09:47:45Z, not 'soon'",
        "#/titel": "is not a known field; did you mean 'title'?",
    }


def test_what_is_required_is_said_to_be_missing() -> None:
    with pytest.raises(Invalid) as refusal:
        validate(PostContent, {}, posts.SERVER_FIELDS)

    assert str(refusal.value) == "#/title is required; #/body is required"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("title", " \t ", "must have 1 to 300 characters, not 0"),
        ("title", "x" * 301, "must have 1 to 300 characters, not 301"),
        ("title", "a\nb", "must not contain control characters; U+000A is at 1"),
        ("title", "a\x85b", "must not contain control characters; U+0085 is at 1"),
        ("title", "a\0b", "must not contain control characters; U+0000 is at 1"),
        ("title", "a\ud800", "must not contain lone surrogates; one is at 1"),
        ("title", True, "must be a string, not true or false"),
        ("title", {}, "must be a string, not an object"),
        ("body", "ab\0", "must not contain NUL; one is at 2"),
        ("body", "\udfff", "must not contain lone surrogates; one is at 0"),
        ("body", "x" * (MEBIBYTE + 1), "must be at most 1048576 bytes of UTF-8, not 1048577"),
        ("body", "é" * (MEBIBYTE // 2 + 1), "must be at most 1048576 bytes of UTF-8, not 1048578"),
        ("body", ["x"], "must be a string, not a list"),
        ("format", None, "must be 'markdown', 'html' or 'text', not null"),
        ("format", "ü", "must be 'markdown', 'html' or 'text', not '\\xfc'"),
        ("format", "\ud800", "must not contain lone surrogates"),
        ("summary", "x" * 1001, "must have 0 to 1000 characters, not 1001"),
        ("summary", "a\x0b", "must not contain control characters; U+000B is at 1"),
        ("summary", "\ud800", "must not contain lone surrogates; one is at 0"),
        ("summary", 1.5, "must be a string, not a number"),
        ("tags", "a", "must be a list, not a string"),
        ("tags", {"a": 1}, "must be a list, not an object"),
        ("tags", None, "must be a list, not null"),
        ("tags", [str(n) for n in range(51)], "must be at most 50 tags, not 51"),
        ("status", ["draft"], "must be 'published' or 'draft', not a list"),
        ("status", "Draft", "must be 'published' or 'draft', not 'Draft'"),
        ("slug", "A", "must be in lower case, not 'A'"),
        ("postedDate", 5, "must be a string with an RFC 3339 date-time, not a number"),
        ("postedDate", "2026-02-30T00:00:00Z", "is not a valid date and time: "
         "'2026-02-30T00:00:00Z'"),
    ],
)  # fmt: skip
def test_a_value_that_breaks_a_rule_is_reported_in_a_sentence(
    field: str, value: object, sentence: str
) -> None:
    assert faults_of_post(**{field: value}) == {f"#/{field}": sentence}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "x" * 300),
        ("body", "x" * MEBIBYTE),
        ("body", "\x01\x1b kept as written \r\n"),
        ("summary", None),
        ("summary", ""),
        ("summary", "x" * 1000),
        ("tags", tuple(str(n) for n in range(50))),
        ("tags", ("x" * 50,)),
        ("slug", None),
    ],
)
def test_a_value_at_the_limit_is_taken(field: str, value: object) -> None:
    content = read_post(**{field: list(value) if isinstance(value, tuple) else value})

    assert getattr(content, field) == value


@pytest.mark.parametrize(
    ("body", "name"),
    [([], "a list"), ("x", "a string"), (None, "null"), (1, "a number"), (False, "true or false")],
)
def test_what_is_no_object_is_one_fault(body: object, name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        validate(PostContent, body, posts.SERVER_FIELDS)

    assert refusal.value.faults == (Fault(f"must be an object, not {name}", pointer="#"),)
    assert str(refusal.value) == f"the body must be an object, not {name}"


def test_what_a_client_got_it_may_send_back() -> None:
    content = read_post(
        _links={"self": "/"}, _embedded=[], _templates=None, updatedDate=1, authorName=2, bodyHtml=3
    )

    assert content == read_post()


@pytest.mark.parametrize(
    ("name", "where", "sentence"),
    [
        ("Title", "#/Title", "is not a known field; did you mean 'title'?"),
        ("posted_date", "#/posted_date", "is not a known field; did you mean 'postedDate'?"),
        ("authorname", "#/authorname", "is not a known field; did you mean 'authorName'?"),
        ("a/b~c %", "#/a~1b~0c%20%25", "is not a known field"),
        ("é\ud800", "#/%C3%A9%3F", "is not a known field"),
        ("", "#/", "is not a known field"),
        ("_link", "#/_link", "is not a known field"),
    ],
)
def test_an_unknown_member_is_a_fault(name: str, where: str, sentence: str) -> None:
    assert faults_of_post(**{name: 1}) == {where: sentence}


def test_a_hundred_unknown_members_are_named_and_the_rest_counted() -> None:
    faults = faults_of_post(title=None, **{f"x{n}": n for n in range(102)})

    assert len(faults) == 101
    assert faults["#/x97"] == "is not a known field"
    assert faults["#"] == "has 3 more faults"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["a", "b", "a"], ("a", "b")),
        (["Blog", "blog", "BLOG", "x"], ("Blog", "x")),
        (["straße", "STRASSE"], ("straße",)),
        (["Äpfel", "a\u0308pfel"], ("Äpfel",)),
        ([" a ", "a"], ("a",)),
        ([str(n) for n in range(50)] + ["7"] * 50, tuple(str(n) for n in range(50))),
    ],
)
def test_a_tag_in_another_case_is_merged_into_the_first(
    tags: list[str], expected: tuple[str, ...]
) -> None:
    assert read_post(tags=tags).tags == expected


@settings(deadline=None)
@given(st.text(max_size=10))
def test_folding_a_tag_twice_changes_nothing_more(tag: str) -> None:
    folded = fold_tag(tag)

    assert fold_tag(folded) == folded


def test_a_pointer_escapes_what_it_must() -> None:
    assert pointer("tags", 0, "a/b~c d") == "#/tags/0/a~1b~0c%20d"


def test_text_without_utf_8_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^must not contain lone surrogates; one is at 2$"):
        check_encodable("ab\ud800")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, NOON),
        ({"status": "draft"}, None),
        ({"postedDate": "2030-01-01T00:00:00Z"}, datetime(2030, 1, 1, tzinfo=UTC)),
        (
            {"status": "draft", "postedDate": "2030-01-01T00:00:00Z"},
            datetime(2030, 1, 1, tzinfo=UTC),
        ),
    ],
)
def test_only_what_is_published_gets_a_date_by_itself(
    fields: dict[str, str], expected: datetime | None
) -> None:
    assert settle_date(read_post(**fields), NOON) == expected


def test_content_is_written_as_a_client_would_send_it() -> None:
    content = read_post(tags=["a"], postedDate="2026-11-22T12:00:00Z")

    fields = as_json(content, {"tags": "tags", "postedDate": "posted_date", "summary": "summary"})

    assert fields == {"tags": ["a"], "postedDate": "2026-11-22T12:00:00.000000Z", "summary": None}


def test_post_ids_sort_by_creation() -> None:
    ids = [new_post_id() for _ in range(1000)]

    assert ids == sorted(set(ids))
    assert all(len(post_id) == 32 and post_id[12] == "7" for post_id in ids)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (None, None, None)),
        ({"displayName": " Rick ", "bio": "a\nb", "url": "https://example.org/~rick"},
         ("Rick", "a\nb", "https://example.org/~rick")),
        ({"name": "joe", "updatedDate": "x", "url": "HTTP://example.org"},
         (None, None, "HTTP://example.org")),
    ],
)  # fmt: skip
def test_a_profile_is_read(fields: dict[str, str], expected: tuple[str | None, ...]) -> None:
    profile = read_profile(**fields)

    assert (profile.display_name, profile.bio, profile.url) == expected


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "//example.org", "http:x", "http://", "example.org", "ftp://example.org",
     "http://[", "http://a]b", "http://\uff41\uff0fb"],
)  # fmt: skip
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_profile(url=url)

    assert str(refusal.value) == f"#/url must be an http or https address, not {url!r}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rick", "rick"),
        ("_R.i+c@k-9", "_R.i+c@k-9"),
        ("Ju\u0308rgen", "Jürgen"),
        ("李", "李"),
        ("x" * 64, "x" * 64),
    ],
)
def test_a_name_is_kept_composed(name: str, expected: str) -> None:
    assert check_name(name) == expected


@pytest.mark.parametrize(
    "name", ["", ".rick", "-x", "a b", "a:b", "a/b", "a\n", "x" * 65, "a\0", "\ud800", "🎉"]
)
def test_what_can_be_no_name_is_refused(name: str) -> None:
    with pytest.raises(AccountError, match="can't be a name: 1 to 64 letters, digits, "):
        check_name(name)


@pytest.mark.parametrize("alike", ["RICK", "Rick", "\uff52\uff49\uff43\uff4b"])
def test_names_too_alike_have_one_key(alike: str) -> None:
    assert fold_name(alike) == fold_name("rick")


@pytest.mark.parametrize(
    ("password", "expected"),
    [("password", "password"), ("pa\u0308sswort", "pässwort"), ("x" * 1024, "x" * 1024)],
)
def test_a_password_is_kept_composed(password: str, expected: str) -> None:
    assert check_password(password) == expected


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("seven77", "^a password must have 8 to 1024 characters, not 7$"),
        ("u\u0308" * 7, "^a password must have 8 to 1024 characters, not 7$"),
        ("x" * 1025, "^a password must have 8 to 1024 characters, not 1025$"),
        ("pass\nword", "^a password must not contain control characters or lone surrogates$"),
        ("password\0", "^a password must not contain control characters or lone surrogates$"),
        ("password\ud800", "^a password must not contain control characters or lone surrogates$"),
    ],
)
def test_a_password_that_could_not_be_sent_is_refused(password: str, sentence: str) -> None:
    with pytest.raises(AccountError, match=sentence):
        check_password(password)


@pytest.mark.parametrize(
    ("document", "deep", "large"),
    [
        ([], 1, 1),
        ([1], 1, 2),
        ([[]], 2, 2),
        ([[1]], 2, 3),
        ({"a": {"b": [1, 2]}}, 3, 5),
        ([1, {"a": 1}], 2, 4),
    ],
)
def test_depth_and_size_are_counted(document: object, deep: int, large: int) -> None:
    assert [exceeds_depth(document, limit) for limit in (deep - 1, deep)] == [True, False]
    assert count_values(document, limit=large) == large


def test_counting_stops_beyond_the_limit() -> None:
    endless: list[object] = [1]
    endless.append(endless)

    assert 10 < count_values(endless, limit=10) < 15


def test_a_list_of_tags_beyond_all_reason_is_one_fault() -> None:
    assert faults_of_post(tags=[1] * 100_000) == {
        "#/tags": "must be at most 50 tags, not 100000",
    }


def test_a_name_as_long_as_a_body_is_not_sent_back() -> None:
    (pointer,) = faults_of_post(**{"x" * 100_000: 1})

    assert len(pointer) < 200


def test_a_name_in_another_case_is_guessed() -> None:
    assert faults_of_post(TITLES=1)["#/TITLES"] == "is not a known field; did you mean 'title'?"
