"""One Airflow for the files of this folder: its page, its users, and a browser.

The files run in the order of their names, and each finds what those before it have left: `test_data` needs the day as
it was fetched, `test_in_browser` completes it, `test_under_attack` adds thousands of symbols, `test_without_influxdb`
stops InfluxDB.
"""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
import requests
from playwright.sync_api import BrowserContext

from dev.exchange_simulator.process import SimulatorProcess
from tests.integration.servers.airflow_instance import AirflowInstance
from tests.integration.servers.browser import VARIABLE, find_browser, running_browser
from tests.integration.servers.environment import connection_variables
from tests.integration.servers.storage import running_influxdb
from tests.integration.web.world import PIPELINES, SYMBOLS_KEY, run_a_day_with_a_hole


@pytest.fixture(scope="package")
def storage_stops():
    """Ends the InfluxDB of this folder."""
    with ExitStack() as started:
        yield started


@pytest.fixture(scope="package")
def storage(tmp_path_factory, storage_stops):
    """An InfluxDB of this folder's own: its last test stops it."""
    return storage_stops.enter_context(running_influxdb(tmp_path_factory.mktemp("influxdb-page")))


@pytest.fixture(scope="package")
def airflow(airflow_template, tmp_path_factory, redis_server, storage):
    """One Airflow, in which a day was fetched while coinbaseexchange refused ETH-USD."""
    config = tmp_path_factory.mktemp("config") / "pipelines.yaml"
    config.write_text(PIPELINES)
    redis_server.client().flushdb()
    redis_server.client().set(SYMBOLS_KEY, json.dumps(["btcusd", "ethusd"]))
    with SimulatorProcess() as simulator, pytest.MonkeyPatch.context() as patch:
        environment = {
            **connection_variables(redis_server, storage, simulator),
            "CANDLE_INGEST_CONFIG": str(config),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer,nobody:",
        }
        for name, value in environment.items():
            patch.setenv(name, value)
        home = tmp_path_factory.mktemp("airflow") / "home"
        with AirflowInstance(airflow_template, home, environment) as instance:
            run_a_day_with_a_hole(instance, simulator)
            yield instance


@pytest.fixture(scope="package")
def passwords(airflow):
    return json.loads(airflow.processes.passwords_file.read_text())


@pytest.fixture(scope="package")
def visit(airflow, passwords):
    """`visit("coverage", user="viewer")`: the answer to a signed-in user; the path is below the pipeline's name."""
    sessions: dict[str, requests.Session] = {}

    def session(user: str) -> requests.Session:
        if user not in sessions:
            sessions[user] = requests.Session()
            body = {"username": user, "password": passwords[user]}
            token = sessions[user].post(f"{airflow.processes.url}/auth/token", json=body, timeout=30).json()
            sessions[user].cookies.set("_token", token["access_token"])
        return sessions[user]

    def get(view: str, user: str = "viewer", pipeline: str = "candle", **query) -> requests.Response:
        url = f"{airflow.processes.url}/candles/api/{pipeline}/{view}"
        # Not what was kept of a question before.
        return session(user).get(url, params=query, headers={"Cache-Control": "no-cache"}, timeout=60)

    get.session = session  # type: ignore[attr-defined]
    return get


@pytest.fixture(scope="package")
def browser():
    path = find_browser()
    assert path, f"no Chromium on the PATH, and {VARIABLE} names none"
    with running_browser(path) as started:
        yield started


@pytest.fixture(scope="package")
def signed_in(airflow, browser, visit):
    """`signed_in(user)`: the context of all users, signed in as this one; it caches Airflow's own UI, slow to load."""
    context = browser.new_context()

    def sign_in(user: str) -> BrowserContext:
        token = visit.session(user).cookies["_token"]
        context.add_cookies([{"name": "_token", "value": token, "url": airflow.processes.url}])
        return context

    return sign_in


@pytest.fixture
def open_page(airflow, signed_in):
    """`open_page(user)`: a signed-in, empty tab. What a script complains of fails the test."""
    tabs, complaints = [], []

    def open_tab(user: str = "admin"):
        tab = signed_in(user).new_page()
        tabs.append(tab)
        tab.set_viewport_size({"width": 1280, "height": 900})
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda request: complaints.extend(_from_elsewhere(request.url, airflow.processes.url)))
        return tab

    yield open_tab
    for tab in tabs:
        tab.close()
    assert complaints == []


@pytest.fixture
def open_view(airflow, open_page):
    """`open_view("view=freshness", user=...)`: the page at its own address, once its view is there."""

    def open_alone(query: str, user: str = "admin"):
        tab = open_page(user)
        tab.goto(f"{airflow.processes.url}/candles/?{query}")
        tab.locator("#view[aria-busy=false]").wait_for(timeout=60_000)
        return tab

    return open_alone


def _from_elsewhere(url: str, own: str) -> list[str]:
    return [] if url.startswith((own, "data:", "blob:", "about:")) else [url]
