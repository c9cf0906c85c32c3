"""Requirements that the representations of every route meet."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient

from blog.http import relations
from blog.http.application import Application
from tests.cases import cases
from tests.contract import assert_problem, headers_of, path_of
from tests.people import RICK
from tests.routes import (
    JSON,
    MOMENTARY,
    NOWHERE,
    WITH_BODY,
    WRONG,
    address,
    every_request,
    methods_of,
    routes,
)

# The tests send more wrong passwords than the default limit.
pytestmark = [pytest.mark.settings(sign_in_failures=1000), pytest.mark.databases("sqlite")]


def test_nothing_acceptable_is_406_before_credentials_and_state_are_read(
    app: Application, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        for method in methods_of(rule) - {"DELETE", "HEAD"}:
            with subtests.test(rule=rule.rule, method=method):
                path = address(app, rule, NOWHERE)
                response = client.open(path, method=method, headers={"Accept": "image/png"})

                assert "application/json" in assert_problem(response, 406)["available"]


def test_a_406_lists_what_is_available(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        path = address(app, rule, there)
        available = client.get(path, headers={"Accept": "image/png"}).get_json(force=True)
        for media_type in available["available"]:
            with subtests.test(rule=rule.rule, media_type=media_type):
                response = client.get(path, headers={"Accept": media_type}, auth=RICK)

                assert (response.status_code, response.mimetype) == (200, media_type)


def test_delete_has_nothing_to_negotiate(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        if "DELETE" in methods_of(rule):
            with subtests.test(rule=rule.rule):
                path = address(app, rule, there)
                response = client.delete(path, headers={"Accept": "image/png"}, auth=RICK)

                assert (response.status_code, response.data) == (204, b"")


def test_options_has_the_accepted_bodies(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        with subtests.test(rule=rule.rule):
            response = client.options(address(app, rule, there))

            assert ("Accept-Post" in response.headers) == ("POST" in methods_of(rule))
            assert ("Accept-Patch" in response.headers) == ("PATCH" in methods_of(rule))


@pytest.mark.parametrize("content_type", [None, "text/plain", "multipart/form-data"])
def test_an_unknown_body_is_415_with_the_accepted_types(
    app: Application, client: FlaskClient, content_type: str | None, subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        for method in methods_of(rule) & {*WITH_BODY}:
            with subtests.test(rule=rule.rule, method=method):
                path = address(app, rule, NOWHERE)
                response = client.open(path, method=method, data=b"x", content_type=content_type)

                assert_problem(response, 415)
                header = "Accept-Post" if method == "POST" else "Accept-Patch"
                assert "application/json" in response.headers[header]


def test_a_content_type_without_a_body_is_accepted(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        for method in ("GET", "DELETE"):
            if method in methods_of(rule):
                with subtests.test(rule=rule.rule, method=method):
                    path = address(app, rule, there)
                    response = client.open(
                        path, method=method, content_type="application/json", auth=RICK
                    )

                    assert response.status_code in (200, 204)


@cases("query", ["", "?nonsense=1"], ids=["fine", "faulty"])
@cases("accept", ["*/*", "image/png"])
def test_head_is_get_without_the_body(
    app: Application,
    client: FlaskClient,
    there: Mapping[str, object],
    query: str,
    accept: str,
    subtests: pytest.Subtests,
) -> None:
    for rule in routes(app):
        for examples in (there, NOWHERE):
            path = address(app, rule, examples) + query
            with subtests.test(path=path):
                got = client.get(path, headers={"Accept": accept})
                head = client.head(path, headers={"Accept": accept})

                assert (head.status_code, head.data) == (got.status_code, b"")
                assert headers_of(head) == headers_of(got)


@pytest.mark.slow
@pytest.mark.parametrize("auth", [None, RICK, WRONG], ids=["anonymous", "author", "wrong"])
def test_every_response_has_vary_and_cache_control(
    app: Application,
    client: FlaskClient,
    there: Mapping[str, object],
    auth: tuple[str, str] | None,
    subtests: pytest.Subtests,
) -> None:
    for path, method in every_request(app, there, NOWHERE):
        with subtests.test(path=path, method=method):
            response = client.open(path, method=method, auth=auth)

            kept = response.headers["Cache-Control"].split(", ")
            lasting = response.status_code == 200 and path not in MOMENTARY
            assert response.headers["Vary"] == "Accept, Accept-Encoding, Authorization"
            assert ("no-cache" if lasting else "no-store") in kept


def test_every_response_has_security_headers(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for path, method in every_request(app, there, NOWHERE):
        with subtests.test(path=path, method=method):
            headers = client.open(path, method=method).headers

            assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
            assert headers["X-Content-Type-Options"] == "nosniff"
            # Health and metrics are for no page.
            assert ("Access-Control-Allow-Origin" in headers) == (path not in MOMENTARY)


def test_every_link_of_every_route_leads_somewhere(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    known = {value for name, value in vars(relations).items() if name.isupper()}
    for rule in routes(app):
        path = address(app, rule, there)
        links = client.get(path, headers=JSON, auth=RICK).json["_links"]
        for relation, target in links.items():
            with subtests.test(rule=rule.rule, relation=relation):
                assert relation in known
                assert client.get(path_of(target), auth=RICK).status_code == 200
