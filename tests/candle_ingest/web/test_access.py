"""Every address of the page asks for a sign-in, whatever is added to it."""

import pytest
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from candle_ingest.settings import PipelineSettings
from candle_ingest.web import access, app

VALUES = {"pipeline": "candle", "name": "page.js", "version": "any", "plotly_version": "1"}
QUERY = {"symbol": "btcusd", "start": "2026-01-01", "end": "2026-01-02", "day": "2026-01-01", "time": "2026-01-01"}


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr(app, "get_auth_manager", lambda: None)
    pipelines = {name: PipelineSettings(name=name) for name in ("candle", "other")}
    monkeypatch.setattr(access, "load_pipelines", lambda: pipelines)
    return app.build_app()


def addresses(page: FastAPI):
    assert all(isinstance(route, APIRoute) for route in page.routes), "a mount would not ask for a sign-in"
    return [(route.path.format(**VALUES), method) for route in page.routes for method in sorted(route.methods)]


def signed_in(page: FastAPI, monkeypatch, readable=lambda dag_id: True) -> TestClient:
    page.dependency_overrides[get_user] = lambda: "somebody"
    monkeypatch.setattr(access, "_may_read_dag", lambda dag_id, request, user: readable(dag_id))
    return TestClient(page)


def test_no_address_answers_without_a_sign_in(page):
    client = TestClient(page)
    found = addresses(page)
    assert len(found) >= 10
    assert {address: client.request(method, address, params=QUERY).status_code for address, method in found} == {
        address: 401 for address, _ in found
    }


def test_a_route_that_is_added_later_asks_too(page):
    page.get("/later")(lambda: "secret")
    assert TestClient(page).get("/later").status_code == 401


def test_the_documentation_of_the_app_is_not_served(page, monkeypatch):
    client = signed_in(page, monkeypatch)
    assert {client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {404}


def test_data_needs_the_right_to_read_every_dag_of_the_pipeline(page, monkeypatch):
    client = signed_in(page, monkeypatch, lambda dag_id: dag_id != "candle_repair")
    data = [(address, method) for address, method in addresses(page) if address.startswith("/api/candle/")]
    assert len(data) >= 7
    for address, method in data:
        answer = client.request(method, address, params=QUERY)
        assert answer.status_code == 403, address
        assert "the right to read the DAGs candle_backfill, candle_catch_up, candle_repair" in answer.json()["detail"]


def test_the_selector_shows_what_one_may_read(page, monkeypatch):
    client = signed_in(page, monkeypatch, lambda dag_id: dag_id.startswith("other"))
    assert [found["name"] for found in client.get("/api/pipelines").json()["pipelines"]] == ["other"]


def test_an_unknown_pipeline_is_named(page, monkeypatch):
    answer = signed_in(page, monkeypatch).get("/api/nothing/coverage")
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no pipeline 'nothing'.")


@pytest.mark.parametrize(
    ("address", "detail"),
    [
        ('chart?symbol=BTC"/USD&start=2026-01-01&end=2026-01-02', "is not a symbol"),
        ("chart?symbol=btcusd&start=soon&end=2026-01-02", "start is 'soon'"),
        ("chart?symbol=btcusd", "start: Field required"),
        ("day?symbol=btcusd&day=x", "day is 'x'"),
        ("explain?symbol=btcusd&time=x", "time is 'x'"),
        ("coverage?days=0", "days: Input should be greater than or equal to 1"),
        ("coverage?days=1e9", "days: Input should be a valid integer"),
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
