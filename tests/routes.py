"""Every route of the application, read from the URL map, with an address for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from werkzeug.routing import Rule

from blog.http.application import Application

# Examples of each argument that a rule may have: of something that is not there. A new argument
# needs one here, and one of something that is there in the fixture `there`.
NOWHERE = {"post_id": "0" * 32, "name": "nobody", "number": 1}

WITH_BODY = ("POST", "PUT", "PATCH")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WRONG = ("rick", "wrong password")
JSON = {"Accept": "application/json"}
# What they say holds for the moment in which they are asked, so no cache may keep it.
MOMENTARY = ("/health/live", "/health/ready")


def routes(app: Application) -> Iterator[Rule]:
    """Every route of the application."""
    rules = list(app.url_map.iter_rules())
    assert rules
    yield from rules


def methods_of(rule: Rule) -> set[str]:
    """The methods of a route, without OPTIONS, which says nothing about the resource's state."""
    return set(rule.methods or ()) - {"OPTIONS"}


def address(app: Application, rule: Rule, examples: Mapping[str, object]) -> str:
    """The path of a route, with examples for its arguments."""
    missing = rule.arguments - examples.keys()
    assert not missing, f"{rule.rule}: give an example of {missing}"
    values = {name: examples[name] for name in rule.arguments}
    return str(app.url_map.bind("localhost").build(rule.endpoint, values))


def every_request(app: Application, *examples: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The path and method of a request to each route, with a method that is not known, too."""
    for rule in routes(app):
        for given in examples:
            for method in (*METHODS, "HEAD", "OPTIONS", "BREW"):
                yield address(app, rule, given), method
