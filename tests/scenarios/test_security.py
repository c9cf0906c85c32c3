"""The OWASP API Security Top 10 of 2023, a test for each of its items, named after it.

What stands behind each claim is tested one by one in the modules that they are about.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from blog.database.database import Database
from blog.http.application import Application
from blog.resources import ROUTES
from tests.cases import cases
from tests.contract import assert_problem, create, faults, path_of, read, write_post
from tests.people import ANN, JOE, RICK, RICK_PASSWORD
from tests.test_architecture import MODULES, imports
from tests.tokens import issue

README = (Path(__file__).parents[2] / "README.md").read_text()
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# What could open a connection to where a client says.
HTTP_CLIENTS = ("http.client", "urllib.request", "requests", "httpx", "urllib3", "aiohttp")


def test_api1_broken_object_level_authorization(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    """Knowing the id of somebody's draft is of no use, whatever is done with it."""
    draft = create(client, status="draft")
    for path in (draft, f"{draft}/revision", f"{draft}/revision/1"):
        for method in ("GET", "PUT", "PATCH", "DELETE", "POST"):
            with subtests.test(path=path, method=method):
                body = None if method in ("GET", "DELETE") else {"title": "Mine!", "body": ""}
                response = client.open(path, method=method, json=body, auth=JOE)

                assert response.status_code in (404, 405)
    assert read(client, draft)["title"] == "First!"


def test_api2_broken_authentication(make_app: Callable[..., Application]) -> None:
    """Failures all look alike, and after a few of them even the right password is refused."""
    client = make_app(sign_in_failures=3).test_client()
    bodies = [client.get("/", auth=(name, "wrong")).data for name in ("rick", "stranger", "rick")]
    response = client.get("/", auth=RICK_PASSWORD)

    assert len(set(bodies)) == 1
    assert_problem(response, 429)
    assert int(response.headers["Retry-After"]) > 0


@cases("field", ["authorName", "updatedDate", "bodyHtml", "id", "version", "role", "_links"])
def test_api3_broken_object_property_level_authorization(client: FlaskClient, field: str) -> None:
    """What the server sets is not for a client to set: ignored where it may be sent back."""
    before = write_post(client)
    path = path_of(before.headers["Location"])
    response = client.patch(path, json={field: "2001-01-01T00:00:00Z"}, auth=ANN)

    assert response.status_code == (200 if field in before.json or field == "bodyHtml" else 422)
    assert client.get(path, auth=RICK).json == before.json


@cases(
    ("query", "parameter"),
    [
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("cursor=" + "a" * 1000, "cursor"),
        ("author=" + "a" * 1001, "author"),
    ],
)
def test_api4_unrestricted_resource_consumption(
    client: FlaskClient, query: str, parameter: str
) -> None:
    """No request gets more than a page; bodies, headers and time have bounds of their own."""
    assert parameter in faults(client.get(f"/post?{query}"), 400)


def test_api4_a_body_of_more_than_the_limit_is_not_kept(
    make_app: Callable[..., Application],
) -> None:
    client = make_app(max_body=1024).test_client()
    response = client.post("/post", json={"title": "Long", "body": "a" * 1024}, auth=RICK)

    assert_problem(response, 413)


def test_api5_broken_function_level_authorization(
    app: Application, client: FlaskClient, database: Database, subtests: pytest.Subtests
) -> None:
    """What only reads, by nature or by its token, can write nowhere."""
    post = create(client)
    examples = {"post_id": post.rpartition("/")[2], "name": "rick", "number": 1}
    reader = issue(database, scope="read")
    for rule in app.url_map.iter_rules():
        values = {name: examples[name] for name in rule.arguments}
        path = app.url_map.bind("localhost").build(rule.endpoint, values)
        for method in UNSAFE & (rule.methods or set()):
            with subtests.test(path=path, method=method):
                anonymous = client.open(path, method=method, json={})
                reading = client.open(path, method=method, json={}, auth=reader)

                assert (anonymous.status_code, reading.status_code) == (401, 403)


def test_api6_unrestricted_access_to_sensitive_business_flows(client: FlaskClient) -> None:
    """The one flow that pays a machine, to publish, is for authors; sent again it does nothing."""
    headers = {"Idempotency-Key": "once"}
    body = {"title": "Once", "body": ""}
    sent = [client.post("/post", json=body, headers=headers, auth=RICK) for _ in range(3)]

    assert {response.headers["Location"] for response in sent} == {sent[0].headers["Location"]}
    assert len(client.get("/post").json["data"]) == 1


def test_api7_server_side_request_forgery(client: FlaskClient) -> None:
    """No address that a client writes is ever gone to."""
    with socket.create_server(("127.0.0.1", 0)) as bait:
        bait.settimeout(0.2)
        url = f"http://127.0.0.1:{bait.getsockname()[1]}/"
        create(client, body=f"![]({url}) <img src='{url}'>")
        client.patch("/author/rick", json={"url": url}, auth=RICK)

        with pytest.raises(TimeoutError):
            bait.accept()


def test_api8_security_misconfiguration(client: FlaskClient) -> None:
    """As it starts, an answer tells browsers to do nothing with it, and nothing of the server."""
    headers = client.get("/nowhere").headers

    assert headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"\d+\.\d+|werkzeug|python|granian", str(headers), re.IGNORECASE)


def test_api9_improper_inventory_management(app: Application) -> None:
    """What is served is what is documented, and nothing else: no debugger, no old version."""
    served = {rule.rule for rule in app.url_map.iter_rules()}
    documented = set(re.findall(r"^\| `\w+` \| `(/[^`]*)` \|", README, re.MULTILINE))

    assert served == {rule for _, rule in ROUTES}
    assert {re.sub("<[a-z_]+:", "<", rule) for rule in served} == documented - {"/metrics"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_api10_unsafe_consumption_of_apis(module: str) -> None:
    """None is consumed: nothing here could even speak HTTP to another server."""
    assert not set(imports(module)) & set(HTTP_CLIENTS)
