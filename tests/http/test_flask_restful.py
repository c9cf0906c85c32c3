"""Flask-RESTful behaves as the API requires."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NoReturn

import pytest
from flask import abort
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from blog.errors import NotFound
from blog.http.api import Api, Resource
from blog.http.application import Application
from tests.cases import cases
from tests.contract import assert_problem, path_of, write_post
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

WRITTEN = {"title": "Second!", "body": ""}


class Refusing(Resource):
    """A resource that ends with what Flask offers, or with a mistake."""

    def get(self) -> NoReturn:
        """Refuse as a Flask view would."""
        abort(409, "it is as it is")

    def delete(self) -> NoReturn:
        """Make a mistake."""
        raise KeyError("a secret")


@pytest.fixture
def refusing(app: Application) -> FlaskClient:
    """A client of a blog with one more resource."""
    Api(app).add_resource(Refusing, "/refusing", resource_class_args=(app.extensions["blog"],))
    return app.test_client()


@pytest.mark.parametrize("path", ["/nowhere", "/post/" + "0" * 31, "/post/" + "0" * 32])
def test_a_404_has_the_members_of_a_problem_and_no_others(client: FlaskClient, path: str) -> None:
    problem = assert_problem(client.get(path), 404)

    assert set(problem) == {"type", "title", "status", "detail", "instance"}


def test_an_unknown_url_is_not_guessed_at(client: FlaskClient) -> None:
    problem = assert_problem(client.get("/pots"), 404)

    assert problem["detail"] == "there is nothing at this address"


def test_abort_in_a_resource_is_a_problem(refusing: FlaskClient) -> None:
    problem = assert_problem(refusing.get("/refusing"), 409)

    assert problem["detail"] == "it is as it is"


def test_a_mistake_in_a_resource_is_a_500(
    refusing: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = refusing.delete("/refusing", auth=RICK)
    problem = assert_problem(response, 500)

    (logged,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert logged.getMessage() == "unexpected error"
    assert logged.requestId == problem["requestId"]
    assert "secret" not in response.text


@pytest.mark.parametrize(
    ("kind", "method", "path"),
    [
        (404, "GET", "/nowhere"),
        (405, "DELETE", "/post"),
        (406, "GET", "/post"),
        (NotFound, "GET", "/post/" + "0" * 32),
    ],
)
def test_the_handlers_of_flask_see_every_error(
    app: Application, kind: type[Exception] | int, method: str, path: str
) -> None:
    app.register_error_handler(kind, lambda error: (f"seen {error}", 499))
    accept = "image/png" if kind == 406 else "*/*"
    response = app.test_client().open(path, method=method, headers={"Accept": accept})

    assert response.status_code == 499
    assert response.text.startswith("seen ")


def test_a_handler_of_flask_sees_what_a_resource_raises(
    app: Application, refusing: FlaskClient
) -> None:
    seen: list[int | None] = []

    def handle(error: HTTPException) -> tuple[str, int]:
        seen.append(error.code)
        return "", 499

    app.register_error_handler(HTTPException, handle)

    assert refusing.get("/refusing").status_code == 499
    assert seen == [409]


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "text/html"])
def test_what_is_not_acceptable_is_never_sent_as_json(client: FlaskClient, accept: str) -> None:
    response = client.get("/", headers={"Accept": accept})

    assert_problem(response, 406)
    assert "_links" not in response.text


@pytest.mark.parametrize("media_type", ["application/json", "application/hal+json"])
def test_json_has_no_charset(client: FlaskClient, media_type: str) -> None:
    response = client.get("/", headers={"Accept": f"{media_type}; charset=utf-8"})

    assert response.headers["Content-Type"] == media_type


def test_json_is_utf_8_and_not_escaped(client: FlaskClient) -> None:
    path = path_of(write_post(client, title="Grüße, 世界 🎉").headers["Location"])

    assert '"title":"Grüße, 世界 🎉"'.encode() in client.get(path).data


def test_a_date_is_written_by_rfc_3339(client: FlaskClient) -> None:
    post = write_post(client).json

    assert post["postedDate"] == post["updatedDate"] == "2026-11-22T09:47:45.746058Z"


@cases("number", [2**53 + 1, 2**64, -(2**70), 10**400, 1e300])
def test_a_number_too_large_for_json_here_is_a_fault_like_any_other(
    client: FlaskClient, number: float
) -> None:
    response = client.post("/post", json={"title": number, "body": ""}, auth=RICK)

    assert assert_problem(response, 422)["errors"] == [
        {"pointer": "#/title", "detail": "must be a string, not a number"}
    ]


def on_the_wire(
    app: Application, method: str, path: str, **headers: str
) -> tuple[bytes, str, set[str]]:
    """What the server is given to send: the body, the status, and the names of the headers."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    environ = EnvironBuilder(path, method=method, headers=Headers(names)).get_environ()
    chunks, status, sent = run_wsgi_app(app, environ, buffered=True)
    return b"".join(chunks), status, {name for name, _ in sent}


def test_a_304_has_no_body_and_says_nothing_of_one(app: Application) -> None:
    body, status, headers = on_the_wire(app, "GET", "/", If_None_Match="*")

    assert (body, status) == (b"", "304 NOT MODIFIED")
    assert not {"Content-Type", "Content-Length"} & headers


@pytest.mark.parametrize("path", ["/", "/post", "/nowhere"])
def test_a_response_to_head_has_no_body(app: Application, path: str) -> None:
    body, _, headers = on_the_wire(app, "HEAD", path)

    assert body == b""
    assert {"Content-Type", "Content-Length"} <= headers


def test_a_204_says_nothing_of_a_body(client: FlaskClient) -> None:
    path = path_of(write_post(client).headers["Location"])
    response = client.delete(path, auth=RICK)

    assert (response.status_code, response.data) == (204, b"")
    assert not {"Content-Type", "Content-Length"} & set(response.headers.keys())


def self_link(response: TestResponse) -> str:
    """The URL that the root has for itself."""
    link: str = response.json["_links"]["self"]
    return link


def test_two_applications_of_the_same_classes_do_not_mix(
    make_app: Callable[..., Application],
) -> None:
    strict, lax = make_app(require_if_match=True).test_client(), make_app().test_client()
    path = path_of(write_post(lax).headers["Location"])

    assert lax.put(path, json=WRITTEN, auth=RICK).status_code == 200
    assert strict.put(path, json=WRITTEN, auth=RICK).status_code == 428
    assert lax.put(path, json={**WRITTEN, "title": "Third!"}, auth=RICK).status_code == 200


def test_two_applications_have_links_of_their_own(make_app: Callable[..., Application]) -> None:
    one = make_app(base_url="https://one.example", allowed_hosts="localhost").test_client()
    two = make_app(base_url="https://two.example", allowed_hosts="localhost").test_client()

    assert self_link(one.get("/")) == "https://one.example/"
    assert self_link(two.get("/")) == "https://two.example/"
    assert self_link(one.get("/")) == "https://one.example/"


def test_a_request_without_a_host_gets_a_response(app: Application) -> None:
    environ = {**EnvironBuilder("/health/ready").get_environ(), "SERVER_PROTOCOL": "HTTP/1.0"}
    del environ["HTTP_HOST"]
    _, status, _ = run_wsgi_app(app, environ)

    assert status == "200 OK"
