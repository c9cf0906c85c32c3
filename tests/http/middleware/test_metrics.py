"""Metrics: disabled by default, labelled by route, and summed over worker processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from blog.http.application import Application
from tests.cases import cases
from tests.contract import assert_problem, create, write_post
from tests.people import RICK
from tests.rivals import connected
from tests.servers.serving import Server, environment, eventually, serve

pytestmark = pytest.mark.databases("sqlite")

REQUESTS = "blog_http_requests_total"
OPENMETRICS = "application/openmetrics-text"


@pytest.fixture
def counted(make_app: Callable[..., Application]) -> FlaskClient:
    """A client of an application that counts."""
    return make_app(metrics=True).test_client()


def samples(text: str, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric in an exposition, by their labels in the order of names."""
    found = [s for family in text_string_to_metric_families(text) for s in family.samples]
    return {tuple(v for _, v in sorted(s.labels.items())): s.value for s in found if s.name == name}


def scrape(client: FlaskClient, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric now."""
    return samples(client.get("/metrics").text, name)


def test_metrics_are_not_there_unless_wanted(client: FlaskClient) -> None:
    assert_problem(client.get("/metrics"), 404)


def run(directory: Path, code: str, metrics: bool = True, **env: str) -> str:
    """What a process prints that makes an application, called ``app``, and runs this code."""
    begin = (
        "import sys; from blog.app import create_app; from blog.settings import Settings; "
        f"app = create_app(Settings(database_url='sqlite:///blog.db', metrics={metrics})); "
    )
    ended = subprocess.run(
        [sys.executable, "-c", begin + code],
        cwd=directory,
        env=environment(env),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return ended.stdout


@pytest.mark.parametrize("wanted", [False, True])
def test_the_library_is_loaded_only_where_wanted(wanted: bool, tmp_path: Path) -> None:
    printed = run(tmp_path, "print('prometheus_client' in sys.modules)", metrics=wanted)

    assert printed == f"{wanted}\n"


@pytest.mark.long
def test_processes_that_count_in_one_place_report_the_sum(tmp_path: Path) -> None:
    read = "client = app.test_client(); client.get('/post'); "
    (tmp_path / "counts").mkdir()
    place = {"PROMETHEUS_MULTIPROC_DIR": "counts"}
    run(tmp_path, read, **place)
    printed = run(tmp_path, read + "print(client.get('/metrics').text)", **place)

    assert samples(printed, REQUESTS)["GET", "/post", "200"] == 2


def test_requests_are_counted_by_method_route_and_status(counted: FlaskClient) -> None:
    path = create(counted)
    for _ in range(2):
        counted.get(path)
    counted.get("/post/" + "0" * 32)

    counts = scrape(counted, REQUESTS)
    assert counts["POST", "/post", "201"] == 1
    assert counts["GET", "/post/<post_id>", "200"] == 2
    assert counts["GET", "/post/<post_id>", "404"] == 1


def test_durations_are_counted_by_method_and_route(counted: FlaskClient) -> None:
    for _ in range(3):
        counted.get("/post?limit=5")

    name = "blog_http_request_duration_seconds"
    buckets = scrape(counted, f"{name}_bucket")
    assert scrape(counted, f"{name}_count")["GET", "/post"] == 3
    assert scrape(counted, f"{name}_sum")["GET", "/post"] > 0
    assert buckets["+Inf", "GET", "/post"] == 3


def test_no_url_and_no_method_makes_counts_of_its_own(counted: FlaskClient) -> None:
    for number in range(20):
        counted.get(f"/nowhere/{number}")
        counted.open("/post", method=f"BREW{number}")
        counted.get(f"/author/nobody{number}?limit={number}")

    counts = scrape(counted, REQUESTS)
    assert counts == {
        ("GET", "unmatched", "404"): 20,
        ("other", "unmatched", "501"): 20,
        ("GET", "/author/<name>", "400"): 20,
    }


def test_failed_sign_ins_are_counted(counted: FlaskClient) -> None:
    counted.get("/", auth=RICK)
    counted.post("/post", json={})
    counted.get("/", auth=("rick", "wrong password"))

    assert scrape(counted, "blog_failed_sign_ins_total") == {(): 1}


@pytest.mark.slow
@pytest.mark.databases("sqlite", "postgresql")
def test_requests_that_the_database_could_not_serve_are_counted(
    counted: FlaskClient, database_url: str
) -> None:
    counted.get("/", auth=RICK)
    with connected(database_url) as rival:
        rival.begin_writing()
        counted.post("/post", json={"title": "First!", "body": ""}, auth=RICK)

    assert sum(scrape(counted, "blog_storage_unavailable_total").values()) == 1


def test_metrics_are_reported_before_the_first_request(counted: FlaskClient) -> None:
    response = counted.get("/metrics")

    assert response.status_code == 200
    assert "# TYPE blog_http_requests_total counter" in response.text


@cases(
    ("accept", "expected"),
    [
        (None, "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        (
            f"{OPENMETRICS};version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5",
            f"{OPENMETRICS}; version=1.0.0; charset=utf-8",
        ),
        (
            f"{OPENMETRICS};version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.6",
            "text/plain; version=0.0.4; charset=utf-8",
        ),
    ],
)
def test_the_format_is_negotiated(counted: FlaskClient, accept: str | None, expected: str) -> None:
    response = counted.get("/metrics", headers={"Accept": accept} if accept else {})

    assert response.headers["Content-Type"] == expected


def test_openmetrics_can_be_parsed_as_that(counted: FlaskClient) -> None:
    counted.get("/")
    text = counted.get("/metrics", headers={"Accept": OPENMETRICS}).text

    names = {family.name for family in openmetrics.text_string_to_metric_families(text)}
    assert {"blog_http_requests", "blog_http_request_duration_seconds"} <= names


def test_nothing_acceptable_is_406(counted: FlaskClient) -> None:
    response = counted.get("/metrics", headers={"Accept": "application/json"})

    assert assert_problem(response, 406)["available"] == ["text/plain", OPENMETRICS]


def test_metrics_can_not_be_written(counted: FlaskClient) -> None:
    response = counted.delete("/metrics", auth=RICK)

    assert_problem(response, 405)
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_options_has_the_allowed_methods(counted: FlaskClient) -> None:
    response = counted.options("/metrics")

    assert (response.status_code, response.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")


def test_head_has_no_body(counted: FlaskClient) -> None:
    response = counted.head("/metrics")

    assert (response.status_code, response.data) == (200, b"")
    assert response.mimetype == "text/plain"


def test_no_cache_stores_metrics(counted: FlaskClient) -> None:
    assert counted.get("/metrics").headers["Cache-Control"] == "no-store"


def test_wrong_credentials_are_401_here_too(counted: FlaskClient) -> None:
    assert_problem(counted.get("/metrics", auth=("rick", "wrong password")), 401)


def test_an_unknown_parameter_is_400_here_too(counted: FlaskClient) -> None:
    assert_problem(counted.get("/metrics?name=x"), 400)


def test_two_applications_count_by_themselves(make_app: Callable[..., Application]) -> None:
    first, second = (make_app(metrics=True).test_client() for _ in range(2))
    write_post(first)
    second.get("/post")

    assert scrape(second, REQUESTS) == {("GET", "/post", "200"): 1}


def lists_served(server: Server) -> float:
    """How often the posts were listed, over all workers."""
    text = requests.get(f"{server.url}/metrics").text
    return samples(text, REQUESTS).get(("GET", "/post", "200"), 0)


def counting(place: Path) -> set[int]:
    """The workers, by their ids, that have counted a list of posts."""
    files = place.glob("blog-metrics-*/counter_*.db")
    return {int(file.stem.rpartition("_")[2]) for file in files if b'"/post"' in file.read_bytes()}


@pytest.mark.long
def test_counts_of_all_workers_add_up_and_survive_them(tmp_path: Path) -> None:
    env = {"BLOG_METRICS": "1", "TMPDIR": str(tmp_path)}
    listed = 0

    def both_have_counted() -> bool:
        nonlocal listed
        listed += 1
        requests.get(f"{server.url}/post").raise_for_status()
        return len(counting(tmp_path)) == 2

    with serve(tmp_path, "--workers", "2", env=env) as server:
        eventually(both_have_counted, server.stderr_text)
        before = lists_served(server)
        killed = min(counting(tmp_path))
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: len(server.workers() - {killed}) == 2, server.stderr_text)

        assert (before, lists_served(server)) == (listed, listed)


@pytest.mark.long
def test_what_workers_count_in_is_private_and_gone_at_the_end(tmp_path: Path) -> None:
    env = {"BLOG_METRICS": "1", "TMPDIR": str(tmp_path)}
    with serve(tmp_path, env=env):
        (place,) = tmp_path.glob("blog-metrics-*")
        mode = place.stat().st_mode & 0o777

    assert mode == 0o700
    assert not place.exists()


def test_no_metrics_need_no_place(tmp_path: Path) -> None:
    with serve(tmp_path, env={"TMPDIR": str(tmp_path)}) as server:
        status = requests.get(f"{server.url}/metrics").status_code

        assert status == 404
        assert not [name for name in os.listdir(tmp_path) if re.match("blog-metrics", name)]
