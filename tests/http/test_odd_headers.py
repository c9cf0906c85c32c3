"""Invalid headers are refused or ignored, and never cause a server error."""

from __future__ import annotations

from base64 import b64encode

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.contract import path_of, write_post
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

VALUES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=255)),
    st.text('*"\\,;=/W.-_0123456789 aq+', max_size=40),
    st.datetimes().map(lambda moment: f"{moment:%a, %d %b %Y %H:%M:%S} GMT"),
    st.datetimes().map(lambda moment: f"{moment:%a, %d %b %Y %H:%M:%S} -2359"),
)
NAMES = (
    "Accept",
    "Content-Encoding",
    "Content-Type",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Unmodified-Since",
    "Prefer",
    "Range",
    "Transfer-Encoding",
)
LAST = "Fri, 31 Dec 9999 23:59:59"


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS"]),
    headers=st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=3),
)
@example(method="PUT", headers={"If-Match": '""'})
@example(method="PUT", headers={"If-None-Match": '"", W/""'})
@example(method="PUT", headers={"If-Unmodified-Since": f"{LAST} GMT"})
@example(method="PUT", headers={"If-Unmodified-Since": f"{LAST} -2359"})
@example(method="GET", headers={"If-Modified-Since": f"{LAST} -2359"})
@example(method="GET", headers={"If-Modified-Since": f"Fri, 31 Dec {'9' * 20} 23:59:59 GMT"})
@example(method="GET", headers={"If-Unmodified-Since": f"Fri, 31 Dec 2026 {'9' * 20}:59:59 GMT"})
@example(method="PUT", headers={"If-Unmodified-Since": f"Fri, 31 Dec 2026 23:59:59 +{'9' * 20}"})
def test_no_header_breaks_anything(
    client: FlaskClient, method: str, headers: dict[str, str]
) -> None:
    path = "/post" if method == "POST" else path_of(write_post(client).headers["Location"])
    body = {"title": "Second!", "body": ""} if method in ("POST", "PUT", "PATCH") else None
    response = client.open(path, method=method, json=body, auth=RICK, headers=headers)

    # Of all that may be wrong, only a transfer coding is for another server.
    assert response.status_code < 500 or response.status_code == 501


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    credentials=st.one_of(
        st.text(st.characters(min_codepoint=32, max_codepoint=255)),
        st.text(st.characters(min_codepoint=32, max_codepoint=255)).map(lambda x: f"Basic {x}"),
        # Without a name, there is no lookup and no hashing.
        st.binary().map(lambda x: f"Basic {b64encode(b':' + x).decode()}"),
    )
)
def test_no_credentials_break_anything(client: FlaskClient, credentials: str) -> None:
    response = client.get("/", headers={"Authorization": credentials})

    # Credentials that can be read are counted.
    assert response.status_code in (401, 429)


def test_a_wish_for_another_protocol_is_passed_over(client: FlaskClient) -> None:
    wish = {"Connection": "Upgrade", "Upgrade": "websocket"}

    assert client.get("/", headers=wish).status_code == 200
