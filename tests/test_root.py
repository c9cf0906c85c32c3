"""The root: the one address that a client has to know."""

from flask.testing import FlaskClient

from tests.people import RICK


def test_root_links_to_every_list(client: FlaskClient) -> None:
    links = client.get("/").json["_links"]

    assert links == {
        "self": "http://localhost/",
        "posts": "http://localhost/post",
        "authors": "http://localhost/author",
        "tags": "http://localhost/tag",
    }


def test_me_is_linked_for_a_signed_in_caller(client: FlaskClient) -> None:
    links = client.get("/", auth=RICK).json["_links"]

    assert links["me"] == "http://localhost/author/rick"
