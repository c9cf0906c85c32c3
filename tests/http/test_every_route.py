"""Requirements that every route of the URL map meets, new ones too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from blog.database.database import Database
from blog.http.application import Application
from tests.cases import cases
from tests.contract import assert_problem, faults
from tests.people import ANN, RICK
from tests.routes import METHODS, MOMENTARY, NOWHERE, WITH_BODY, WRONG, address, methods_of, routes
from tests.tokens import issue

READS = ("GET", "HEAD")
# Texts that no parameter expects: half a character, one of another plane, far too many digits.
ODD = ["%00", "a%00b", "%ED%A0%80", "%FF", "%F0%9F%98%80", "9" * 5000, "", "-1", "%25", "%27--"]

# The tests send more wrong passwords than the default limit.
pytestmark = [pytest.mark.settings(sign_in_failures=1000), pytest.mark.databases("sqlite")]


def test_an_argument_without_an_example_is_reported(app: Application) -> None:
    rule = next(rule for rule in routes(app) if rule.arguments)

    with pytest.raises(AssertionError, match="give an example of"):
        address(app, rule, {})


def test_a_write_without_credentials_is_401(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        for method in methods_of(rule) - {*READS}:
            with subtests.test(rule=rule.rule, method=method):
                response = client.open(address(app, rule, there), method=method, json={})

                assert_problem(response, 401)
                challenge = response.headers["WWW-Authenticate"]
                assert challenge == 'Basic realm="blog", charset="UTF-8"'


def test_wrong_credentials_are_401_for_reads_too(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        for method in methods_of(rule):
            body = {} if method in WITH_BODY else None
            with subtests.test(rule=rule.rule, method=method):
                path = address(app, rule, there)
                response = client.open(path, method=method, json=body, auth=WRONG)

                assert response.status_code == 401
                assert "WWW-Authenticate" in response.headers


def test_a_write_with_a_read_token_is_403_whatever_it_is_of(
    app: Application,
    client: FlaskClient,
    database: Database,
    there: Mapping[str, object],
    subtests: pytest.Subtests,
) -> None:
    auth = issue(database, scope="read")
    for rule in routes(app):
        for method in methods_of(rule) - {*READS}:
            for examples in (there, NOWHERE):
                path = address(app, rule, examples)
                with subtests.test(path=path, method=method):
                    response = client.open(path, method=method, json={}, auth=auth)

                    assert "may only read" in assert_problem(response, 403)["detail"]


@pytest.mark.parametrize("accept", ["application/json", "application/hal+json"])
def test_a_read_token_is_shown_all_but_the_links_to_changes(
    app: Application,
    client: FlaskClient,
    database: Database,
    there: Mapping[str, object],
    accept: str,
    subtests: pytest.Subtests,
) -> None:
    auth = issue(database, scope="read")
    for rule in routes(app):
        path, headers = address(app, rule, there), {"Accept": accept}
        with subtests.test(path=path):
            read = client.get(path, auth=auth, headers=headers)
            written = client.get(path, auth=RICK, headers=headers)

            assert read.json == without_edit(written.json)
            assert 'rel="edit"' not in read.headers.get("Link", "")


def without_edit(value: Any) -> Any:
    """A document, and its members, without the links of this name."""
    if isinstance(value, list):
        return [without_edit(item) for item in value]
    if isinstance(value, dict):
        return {name: without_edit(item) for name, item in value.items() if name != "edit"}
    return value


def test_a_missing_resource_is_404_for_every_method(
    app: Application, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        for method in methods_of(rule) - {"HEAD"} if rule.arguments else ():
            body = {} if method in WITH_BODY else None
            with subtests.test(rule=rule.rule, method=method):
                path = address(app, rule, NOWHERE)
                response = client.open(path, method=method, json=body, auth=ANN)

                assert assert_problem(response, 404)["instance"] == path


@cases("method", [*METHODS, "OPTIONS", "TRACE"])
def test_an_unknown_url_is_404_for_every_method(client: FlaskClient, method: str) -> None:
    response = client.open("/no/such/thing", method=method)

    assert assert_problem(response, 404)["instance"] == "/no/such/thing"


def test_another_spelling_of_a_path_is_404(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        path = address(app, rule, there)
        inner = "/" + path[1:].replace("/", "//")
        others = {f"{path}/", inner, path.upper(), f"/.{path}", f"/x/..{path}", f"/{path}"}
        others |= {f"//{path}", f"{path}\n", f"{path}/.", f"{path};x", path[1:]}
        for other in others - {path}:
            with subtests.test(path=other):
                sent = {"PATH_INFO": other}

                assert_problem(client.get("/", environ_overrides=sent), 404)


def test_a_method_that_is_not_known_is_501_and_never_done(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        path = address(app, rule, there)
        before = client.get(path, auth=RICK).get_etag()
        for method in ("get", "Get", "post", "Put", "patch", "delete", "options", "BREW"):
            with subtests.test(rule=rule.rule, method=method):
                response = client.open(path, method=method, json={}, auth=RICK)

                assert "methods are case-sensitive" in assert_problem(response, 501)["detail"]
                assert client.get(path, auth=RICK).get_etag() == before


def test_no_header_changes_the_method(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        for rule in routes(app):
            path = address(app, rule, there)
            with subtests.test(rule=rule.rule, name=name):
                response = client.get(path, auth=RICK, headers={name: "DELETE"})

                assert response.status_code == 200
                assert client.get(path, auth=RICK).status_code == 200


def test_other_methods_are_405_with_allow(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        for method in {*METHODS, "TRACE"} - (rule.methods or set()):
            with subtests.test(rule=rule.rule, method=method):
                response = client.open(address(app, rule, there), method=method)

                assert_problem(response, 405)
                assert set(response.headers["Allow"].split(", ")) == rule.methods


def test_options_is_204_with_allow_and_no_body(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        with subtests.test(rule=rule.rule):
            response = client.options(address(app, rule, there))

            assert (response.status_code, response.data) == (204, b"")
            assert set(response.headers["Allow"].split(", ")) == rule.methods
            assert "Content-Type" not in response.headers


def test_an_unknown_parameter_is_400_for_every_method(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        for method in methods_of(rule) - {"HEAD"}:
            body = {} if method in WITH_BODY else None
            with subtests.test(rule=rule.rule, method=method):
                path = address(app, rule, there) + "?nonsense=1"
                response = client.open(path, method=method, json=body, auth=RICK)

                assert faults(response, 400) == {"nonsense": "is not a known parameter"}


def test_a_write_of_a_page_of_another_site_is_403(
    app: Application, client: FlaskClient, there: Mapping[str, object], subtests: pytest.Subtests
) -> None:
    for rule in routes(app):
        for method in (*METHODS[1:], "BREW"):
            with subtests.test(rule=rule.rule, method=method):
                path = address(app, rule, there)
                crossing = {"Sec-Fetch-Site": "cross-site", "Accept": "image/png"}

                assert_problem(client.open(path, method=method, auth=RICK, headers=crossing), 403)


def test_another_host_than_that_of_the_base_url_is_421(
    make_app: Callable[..., Application], subtests: pytest.Subtests
) -> None:
    app = make_app(base_url="https://blog.example.org")
    for rule in routes(app):
        path = address(app, rule, NOWHERE)
        for method in (*METHODS, "OPTIONS", "BREW"):
            with subtests.test(rule=rule.rule, method=method):
                response = app.test_client().open(path, method=method)

                # A load balancer requests health by address.
                exempt = path in MOMENTARY and method in ("GET", "OPTIONS")
                assert (response.status_code == 421) != exempt


@pytest.mark.long
@pytest.mark.databases("sqlite", "postgresql")
@cases("auth", [None, RICK])
def test_no_value_of_a_parameter_is_a_server_error(
    app: Application,
    client: FlaskClient,
    there: Mapping[str, object],
    subtests: pytest.Subtests,
    auth: tuple[str, str] | None,
) -> None:
    for rule in routes(app):
        resource: Any = app.view_functions[rule.endpoint]
        for name in (*resource.view_class.parameters, "unknown", "%00", "%ED%A0%80"):
            with subtests.test(rule=rule.rule, parameter=name):
                queries = [f"{name}={value}" for value in ODD]
                path = address(app, rule, there)
                answers = [client.get(f"{path}?{query}", auth=auth) for query in queries]

                assert all(answer.status_code < 500 for answer in answers)
