"""Every address of the page asks for a sign-in, whatever is added to it."""

from urllib.parse import parse_qs, urlsplit

import pytest
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from candle_ingest.settings import PipelineSettings
from candle_ingest.web import access, app

VALUES = {"pipeline": "candle", "name": "page.js", "version": "any", "plotly_version": "1", "path": "other"}
QUERY = {
    "symbol": "btcusd",
    "pairs": "btcusd",
    "start": "2026-01-01",
    "end": "2026-01-02",
    "day": "2026-01-01",
    "time": "2026-01-01",
}


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr(app, "get_auth_manager", lambda: None)
    pipelines = {name: PipelineSettings(name=name) for name in ("candle", "other")}
    monkeypatch.setattr(access, "load_pipelines", lambda: pipelines)
    return app.build_app()


def addresses(page: FastAPI):
    routes = [route for route in page.routes if isinstance(route, APIRoute)]
    assert routes == page.routes, "a mount would not ask for a sign-in"
    return [(route.path_format.format(**VALUES), method) for route in routes for method in sorted(route.methods)]


def signed_in(page: FastAPI, monkeypatch, readable=lambda dag_id: True) -> TestClient:
    page.dependency_overrides[get_user] = lambda: "somebody"
    monkeypatch.setattr(access, "_may_read_dag", lambda dag_id, request, user: readable(dag_id))
    return TestClient(page)


def test_no_route_responds_without_a_sign_in(page):
    client = TestClient(page)
    found = addresses(page)
    assert len(found) >= 10
    assert {address: client.request(method, address, params=QUERY).status_code for address, method in found} == {
        address: 401 for address, _ in found
    }


def test_a_route_that_is_added_later_requires_a_sign_in_too(page):
    page.get("/later")(lambda: "secret")
    assert TestClient(page).get("/later").status_code == 401


def test_the_documentation_of_the_app_is_not_served(page, monkeypatch):
    client = signed_in(page, monkeypatch)
    assert {client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {404}


def test_a_forbidden_pipeline_answers_like_one_that_does_not_exist(page, monkeypatch):
    client = signed_in(page, monkeypatch, lambda dag_id: dag_id != "candle_repair")
    data = [(address, method) for address, method in addresses(page) if address.startswith("/api/candle/")]
    assert len(data) >= 8
    for address, method in data:
        forbidden = client.request(method, address, params=QUERY)
        missing = client.request(method, address.replace("/candle/", "/nothing/"), params=QUERY)
        assert forbidden.status_code == missing.status_code == 404, address
        assert forbidden.json()["detail"].replace("candle", "nothing") == missing.json()["detail"]
        assert "the right to read all of its DAGs" in forbidden.json()["detail"]


def test_the_selector_shows_the_readable_pipelines(page, monkeypatch):
    client = signed_in(page, monkeypatch, lambda dag_id: dag_id.startswith("other"))
    assert [found["name"] for found in client.get("/api/pipelines").json()["pipelines"]] == ["other"]


def test_an_unknown_address_lists_the_routes(page, monkeypatch):
    for address in ("/api/candle/charts", "/other", "/static/page.js"):
        answer = signed_in(page, monkeypatch).get(address)
        assert answer.status_code == 404
        assert "/api/{pipeline}/chart" in answer.json()["detail"]


def test_a_user_who_is_not_signed_in_is_redirected_to_the_sign_in_and_back(page):
    client = TestClient(page, root_path="/airflow/candles", follow_redirects=False)
    answer = client.get(
        "/airflow/candles/", params={"view": "day", "symbol": "BTC/USD"}, headers={"Accept": "text/html"}
    )
    assert answer.status_code == 307
    address = urlsplit(answer.headers["Location"])
    assert address.path == "/airflow/api/v2/auth/login"
    assert parse_qs(address.query) == {"next": ["/airflow/candles/?view=day&symbol=BTC%2FUSD"]}


def test_every_answer_has_the_security_headers(page, monkeypatch):
    page.get("/fails")(lambda: 1 // 0)
    # Before the one that takes every other path.
    page.router.routes.insert(0, page.router.routes.pop())
    refused = TestClient(page).get("/")
    signed_in(page, monkeypatch)
    client = TestClient(page, raise_server_exceptions=False)
    known = [client.request(method, address, params=QUERY) for address, method in addresses(page)]
    others = [client.get("/fails"), client.get("/nothing"), client.post("/"), client.get("/api/candle/day?day=x")]
    assert {answer.status_code for answer in others} == {500, 404, 405, 400}
    for answer in (*known, *others, refused):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"]
    assert client.get("/fails").headers["Cache-Control"] == "no-store"
    assert "ZeroDivisionError" in client.get("/fails").json()["detail"]


@pytest.mark.parametrize(
    ("address", "detail"),
    [
        ('chart?symbol=BTC"/USD&start=2026-01-01&end=2026-01-02', "is not a symbol"),
        ("chart?symbol=btcusd&start=soon&end=2026-01-02", "start is 'soon'"),
        ("chart?symbol=btcusd", "start: Field required"),
        ("day?symbol=btcusd&day=x", "day is 'x'"),
        ("explain?symbol=btcusd&time=x", "time is 'x'"),
        ("overview?days=0", "days: Input should be greater than or equal to 1"),
        ("overview?days=1e9", "days: Input should be a valid integer"),
        ("coverage?pairs=btcusd,x", "'x' is not a symbol"),
        ("exchanges?hours=99999", "hours: Input should be less than or equal to 168"),
        (f"day?symbol={'x' * 60}&day=2026-01-01", "symbol: String should have at most 50 characters"),
    ],
)
def test_bad_values_are_named_and_reach_no_query(page, monkeypatch, address, detail):
    monkeypatch.setenv("INFLUXDB_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("INFLUXDB_TOKEN", "t")
    monkeypatch.setenv("INFLUXDB_ORG", "o")
    answer = signed_in(page, monkeypatch).get(f"/api/candle/{address}")
    assert answer.status_code == 400
    assert detail in answer.json()["detail"]
