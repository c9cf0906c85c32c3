"""Query parameters: unknown, invalid and duplicate ones are refused by name."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cases import cases
from tests.contract import assert_problem, faults, path_of, write_post
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

PARAMETERS = (
    "limit", "cursor", "author", "tag", "status", "slug", "since", "until", "sort", "fields",
)  # fmt: skip
NAMES = st.sampled_from(PARAMETERS)
MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@cases(
    ("name", "values"),
    [
        ("limit", ["", "0", "101", "-1", "+1", "1.0", "1e1", "0x10", "ten", "٣", "²", " 1",
                   "9" * 5000]),
        ("cursor", ["", "x", "0", "é", "\0", ".", "W10.x", "WzAsIFtdXQ.AAAA", "a" * 5000]),
        ("author", ["\0", "rick\0"]),
        ("tag", ["\0"]),
        ("slug", ["\0"]),
        ("status", ["", "Published", "draft,published", "deleted", "\0"]),
        ("since", ["", "yesterday", "2026-11-22T09:47:45", "2026-13-01", "2026-02-30", "20261122",
                   "2026-11-22T25:00:00Z", "0001-01-01T00:00:00+14:00", "٢٠٢٦-11-22", "\0"]),
        ("until", ["", "now", "2026-11-22 09:47", "9999-12-31T23:59:59-14:00", "1e9"]),
        ("sort", ["", "date", "postedDate,title", "+postedDate", "-title ", "relevance\0"]),
        ("fields", ["", ",", "titel", "title,", "title,,body", "Title", "title body", "_links",
                    "\0"]),
    ],
)  # fmt: skip
def test_a_value_that_can_not_be_read_is_400_naming_the_parameter(
    client: FlaskClient, name: str, values: list[str], subtests: pytest.Subtests
) -> None:
    for value in values:
        with subtests.test(value=value):
            response = client.get("/post", query_string={name: value})

            assert list(faults(response, 400)) == [name]


@cases("path", ["/author", "/tag"])
@cases("name", ["limit", "cursor"])
def test_every_list_reads_its_parameters_alike(client: FlaskClient, path: str, name: str) -> None:
    response = client.get(path, query_string={name: "nonsense"})

    assert list(faults(response, 400)) == [name]


@pytest.fixture
def posts(client: FlaskClient) -> None:
    """One post more than a page has by default."""
    for _ in range(21):
        write_post(client)


@pytest.mark.usefixtures("posts")
@cases(
    ("query", "length"),
    [
        ("", 20),
        ("limit=1", 1),
        ("limit=100", 21),
        ("limit=007", 7),
        ("limit=1&&", 1),
        ("sort=title&limit=3", 3),
        ("since=2026-11-22&until=2026-11-23", 20),
        ("since=2026-11-22T09:47:45.746058Z", 20),
        ("since=2026-11-22T10:47:45.746058%2B01:00", 20),
        ("until=2026-11-22T09:47:45.746058Z", 0),
        ("author=nobody", 0),
        ("author=", 0),
        ("slug=" + "x" * 1000, 0),
        ("tag=caf%C3%A9", 0),
        ("fields=title", 20),
        ("fields=+title+,+body+", 20),
        ("f%69elds=title", 20),
    ],
)
def test_a_value_that_can_be_read_counts(client: FlaskClient, query: str, length: int) -> None:
    response = client.get(f"/post?{query}")

    assert response.status_code == 200, response.text
    assert len(response.json["data"]) == length


@cases(
    ("name", "offered"),
    [
        ("limt", "limit"),
        ("Limit", "limit"),
        ("authors", "author"),
        ("field", "fields"),
        ("page", None),
        ("x" * 5000, None),
        ("é", None),
        ("limit ", "limit"),
        ("limit\0", "limit"),
    ],
)
def test_an_unknown_parameter_is_400_with_the_nearest_known_one(
    client: FlaskClient, name: str, offered: str | None
) -> None:
    response = client.get("/post", query_string={name: "1"})

    question = f"; did you mean '{offered}'?" if offered else ""
    assert faults(response, 400) == {name: f"is not a known parameter{question}"}


@cases("path", ["/", "/author", "/author/rick", "/tag"])
def test_a_parameter_of_another_resource_is_unknown(client: FlaskClient, path: str) -> None:
    response = client.get(f"{path}?status=draft")

    assert list(faults(response, 400)) == ["status"]


def test_a_write_accepts_only_the_parameter_fields(client: FlaskClient) -> None:
    fields = {"title": "Second!", "body": ""}
    response = client.post("/post?limit=1&fields=title", json=fields, auth=RICK)

    assert list(faults(response, 400)) == ["limit"]
    assert client.get("/post").json["data"] == []


def test_a_write_responds_with_the_requested_fields(client: FlaskClient) -> None:
    path = path_of(write_post(client).headers["Location"])
    response = client.patch(f"{path}?fields=bodyHtml", json={"body": "*New*"}, auth=RICK)

    assert set(response.json) == {"_links", "bodyHtml"}
    assert response.json["bodyHtml"] == "<p><em>New</em></p>\n"


@cases("name", PARAMETERS)
def test_a_parameter_given_twice_is_400(client: FlaskClient, name: str) -> None:
    response = client.get(f"/post?{name}=1&{name}=1")

    assert faults(response, 400) == {name: "is given 2 times"}


@cases("query", ["tag=%FF", "tag=%C3", "%FF=1", "tag=%ED%A0%80", "tag=%C0%80", "tag=%F5%80%80%80"])
def test_a_query_that_is_not_utf_8_is_400(client: FlaskClient, query: str) -> None:
    assert_problem(client.get(f"/post?{query}"), 400)


def test_a_query_in_raw_bytes_that_are_not_utf_8_is_400(client: FlaskClient) -> None:
    response = client.get("/post", environ_overrides={"QUERY_STRING": "tag=\xff"})

    assert_problem(response, 400)


@cases("query", ["tag=%", "tag=%2", "tag=%zz", "tag=%%%"])
def test_a_percent_sign_by_itself_stands_for_itself(client: FlaskClient, query: str) -> None:
    write_post(client, tags=[query.removeprefix("tag=")])
    response = client.get(f"/post?{query}")

    assert len(response.json["data"]) == 1


@pytest.mark.parametrize(("count", "faults"), [(50, 50), (51, 1), (5000, 1)])
def test_more_than_fifty_parameters_are_not_parsed(
    client: FlaskClient, count: int, faults: int
) -> None:
    query = "&".join(f"x{n}=1" for n in range(count))
    problem = assert_problem(client.get(f"/post?{query}"), 400)

    faulty = [fault for fault in problem.get("errors", ()) if fault.get("parameter", "")[:1] == "x"]
    assert len(faulty) == faults


@MANY
@given(query=st.text("abc=&%;+?#[]0123456789FfEe\x00é limit fields", max_size=60) | st.text())
def test_no_query_breaks_anything(client: FlaskClient, query: str) -> None:
    response = client.get(f"/post?{quote(query, safe='=&%+;', errors='replace')}")

    assert response.status_code in (200, 400)


@MANY
@given(query=st.binary())
def test_no_bytes_in_a_query_break_anything(client: FlaskClient, query: bytes) -> None:
    overrides = {"QUERY_STRING": query.decode("latin-1")}
    response = client.get("/post", environ_overrides=overrides)

    assert response.status_code in (200, 400)


@MANY
@given(parameters=st.dictionaries(NAMES, st.text(st.characters(codec="utf-8")), max_size=3))
def test_no_value_of_a_parameter_breaks_anything(
    client: FlaskClient, parameters: dict[str, str]
) -> None:
    response = client.get("/post", query_string=parameters)

    assert response.status_code in (200, 400)
    assert set(faults(response, 400)) <= set(parameters) if response.status_code == 400 else True


@MANY
@given(
    since=st.datetimes(), until=st.datetimes(), offset=st.sampled_from(["Z", "+14:00", "-23:59"])
)
def test_no_date_breaks_anything(
    client: FlaskClient, since: object, until: object, offset: str
) -> None:
    dates = {"since": f"{since}{offset}", "until": f"{until}{offset}"}
    response = client.get("/post", query_string=dates)

    assert response.status_code in (200, 400)
