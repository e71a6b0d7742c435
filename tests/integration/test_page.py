"""The page in the real Airflow: sign-in, rights, every view against what is stored, a browser, InfluxDB down."""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from candle_ingest.adapters.connections import connect_influxdb
from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.core.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.page import routes, static_files
from include.exchange_simulator.coins import utc_ms
from include.exchange_simulator.process import SimulatorProcess
from tests.integration.servers.airflow_instance import REPOSITORY, AirflowInstance
from tests.integration.servers.browser import VARIABLE, find_browser, running_browser
from tests.integration.servers.environment import connection_variables
from tests.integration.servers.storage import running_influxdb
from tests.integration.steps import watermarks

pytestmark = pytest.mark.integration
EXCHANGES = ("binance", "coinbaseexchange", "kucoin")
DAY = Window(utc_ms("2026-03-10"), utc_ms("2026-03-11"))
BUCKET = "page"
PICTURES = REPOSITORY / "build" / "page"
QUERY = {
    "symbol": "ethusd",
    "start": "2026-03-10",
    "end": "2026-03-11",
    "day": "2026-03-10",
    "time": "2026-03-10T12:00",
}
PIPELINES = f"""
pipelines:
  candle:
    exchanges: [{", ".join(EXCHANGES)}]
    backfill_start_date: skip
    catch_up_initial_days: 1
    influxdb_bucket: {BUCKET}
    task_retries: 0
  second: {{exchanges: [binance], backfill_start_date: skip, influxdb_bucket: not_there_yet}}
"""


@pytest.fixture(scope="module")
def storage_stops():
    """Ends the InfluxDB of this module."""
    with ExitStack() as started:
        yield started


@pytest.fixture(scope="module")
def storage(tmp_path_factory, storage_stops):
    """An InfluxDB of this module's own: its last test stops it."""
    return storage_stops.enter_context(running_influxdb(tmp_path_factory.mktemp("influxdb-page")))


@pytest.fixture(scope="module")
def airflow(airflow_template, tmp_path_factory, redis_server, storage):
    """One Airflow, in which a day was fetched while coinbaseexchange refused ETH-USD."""
    config = tmp_path_factory.mktemp("config") / "pipelines.yaml"
    config.write_text(PIPELINES)
    redis_server.client().flushdb()
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
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


def run_a_day_with_a_hole(airflow: AirflowInstance, simulator: SimulatorProcess) -> None:
    simulator.set_fault("coinbaseexchange", "status", status=500, path="ETH-USD")
    conf = {"start": "2026-03-10T00:00Z", "end": "2026-03-11T00:00Z"}
    airflow.wait_for_run("candle_backfill", airflow.trigger("candle_backfill", conf=conf, logical_date=None))
    airflow.pause("candle_backfill")
    simulator.clear_faults()
    conf = {"start": (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:00Z")}
    airflow.wait_for_run("candle_catch_up", airflow.trigger("candle_catch_up", conf=conf, logical_date=None))
    airflow.pause("candle_catch_up")


@pytest.fixture(scope="module")
def passwords(airflow):
    return json.loads(airflow.processes.passwords_file.read_text())


@pytest.fixture(scope="module")
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
        return session(user).get(url, params=query, timeout=60)

    get.session = session
    return get


def addresses() -> list[str]:
    values = {"pipeline": "candle", "name": "page.js", "version": "any", "plotly_version": static_files.PLOTLY_VERSION}
    return [route.path.format(**values) for part in (routes, static_files) for route in part.router.routes]


def test_every_address_refuses_who_has_not_signed_in_and_who_forges_a_token(airflow):
    found = addresses()
    assert len(found) >= 10
    for address in found:
        url = f"{airflow.processes.url}/candles{address}"
        assert requests.get(url, params=QUERY, timeout=30).status_code == 401, address
        forged = requests.get(url, params=QUERY, cookies={"_token": "forged"}, timeout=30)
        assert forged.status_code in (401, 403), address


def test_a_user_without_rights_sees_no_data(airflow, visit):
    for address in addresses():
        if address.startswith("/api/candle/"):
            answer = visit.session("nobody").get(f"{airflow.processes.url}/candles{address}", params=QUERY, timeout=30)
            assert answer.status_code == 403, address
            assert "the right to read the DAGs candle_backfill" in answer.json()["detail"]
    found = visit.session("nobody").get(f"{airflow.processes.url}/candles/api/pipelines", timeout=30)
    assert found.json() == {"pipelines": []}


def test_a_viewer_sees_all_and_may_not_clear(airflow, visit):
    for address in addresses():
        answer = visit.session("viewer").get(f"{airflow.processes.url}/candles{address}", params=QUERY, timeout=60)
        assert answer.status_code == 200, (address, answer.text[:300])
    url = f"{airflow.processes.url}/api/v2/dags/candle_backfill/clearTaskInstances"
    body = {"dag_run_id": "x", "dry_run": True}
    assert visit.session("viewer").post(url, json=body, timeout=30).status_code == 403


def test_the_page_is_in_the_navigation_and_on_the_pages_of_dags(airflow, visit):
    plugins = visit.session("admin").get(f"{airflow.processes.url}/api/v2/plugins", timeout=30).json()["plugins"]
    [plugin] = [plugin for plugin in plugins if plugin["name"] == "candle_ingest"]
    assert {view["destination"] for view in plugin["external_views"]} == {"nav", "dag"}


def days_of(answer: dict, pair: str) -> dict[str, tuple[int, int]]:
    row = answer["pairs"].index(pair)
    return {
        day: (answer["expected"][row][column], answer["open"][row][column]) for column, day in enumerate(answer["days"])
    }


def test_coverage_shows_the_hole(visit):
    answer = visit("coverage", days=(int(time.time() * 1000) - DAY.start_ms) // DAY_MS + 1).json()
    assert answer["pairs"] == ["BTC/USD", "ETH/USD"]
    assert days_of(answer, "BTC/USD")["2026-03-10"] == (3 * 1440, 0)
    assert days_of(answer, "ETH/USD")["2026-03-10"] == (3 * 1440, 1440)
    assert days_of(answer, "ETH/USD")["2026-03-12"] == (0, 0)


def test_the_day_says_why_and_which_task_knows_more(airflow, visit):
    answer = visit("day", symbol="ethusd", day="2026-03-10").json()
    assert list(answer["accounts"]) == list(EXCHANGES)
    assert [sums["failed"] for sums in answer["accounts"]["coinbaseexchange"]] == [60] * 24
    candles = stored("exchange_candles", "ETH/USD", DAY, "binance")
    assert sum(sums["present"] for sums in answer["accounts"]["binance"]) == len(candles)
    [hole] = answer["holes"]
    assert (hole["exchange"], hole["status"], hole["is_open"]) == ("coinbaseexchange", "failed", True)
    assert hole["windows"] == [[DAY.start_ms, DAY.end_ms]]
    assert "500" in hole["reason"]
    task = hole["task"]
    instances = airflow.task_instances(task["dag_id"], task["run_id"])
    [instance] = [i for i in instances if (i["task_id"], i["map_index"]) == (task["task_id"], task["map_index"])]
    assert (instance["rendered_map_index"], instance["state"]) == ("ETH/USD @ coinbaseexchange", "failed")
    assert answer["merges"] == []


def stored(measurement: str, currency_pair: str, window: Window, exchange: str = "") -> list[tuple]:
    """Rows of (time_ms, open, high, low, close, volume), read with a query of this test's own."""
    flux = """
    from(bucket: bucket) |> range(start: time(v: start_ns), stop: time(v: stop_ns))
      |> filter(fn: (r) => r._measurement == measurement and r.currency_pair == pair)
      |> filter(fn: (r) => exchange == "" or r.exchange == exchange)
      |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
      |> map(fn: (r) => ({r with ns: int(v: r._time)}))
    """
    params = {"start_ns": window.start_ms * 1_000_000, "stop_ns": window.end_ms * 1_000_000}
    with InfluxBucket(connect_influxdb(), BUCKET) as bucket:
        rows = bucket.query(flux, measurement=measurement, pair=currency_pair, exchange=exchange, **params)
    names = ("open", "high", "low", "close", "volume")
    return sorted((int(row["ns"]) // 1_000_000, *(float(row[name]) for name in names)) for row in rows)


def test_a_day_that_is_complete_says_what_it_was_merged_from(visit):
    answer = visit("day", symbol="btcusd", day="2026-03-10").json()
    assert answer["holes"] == []
    assert answer["merges"] == [{"exchanges": list(EXCHANGES), "windows": [[DAY.start_ms, DAY.end_ms]]}]


def test_bars_are_those_of_the_stored_minutes(visit):
    answer = visit("chart", symbol="btcusd", start="2026-03-10", end="2026-03-11").json()
    rows = stored("candles", "BTC/USD", DAY)
    assert answer["every_ms"] == 2 * MINUTE_MS
    first = [row for row in rows if row[0] < DAY.start_ms + answer["every_ms"]]
    merged = {name: values[0] for name, values in answer["merged"].items()}
    assert merged["open"] == first[0][1]
    assert merged["high"] == max(row[2] for row in first)
    assert merged["low"] == min(row[3] for row in first)
    assert merged["close"] == first[-1][4]
    assert merged["volume"] == pytest.approx(sum(row[5] for row in first))
    assert merged["count"] == len(first)
    assert sum(answer["merged"]["count"]) == len(rows)
    assert sorted(answer["exchanges"]) == list(EXCHANGES)
    own = stored("exchange_candles", "BTC/USD", DAY, "kucoin")
    assert answer["exchanges"]["kucoin"]["close"][-1] == own[-1][4]


def test_minutes_are_shown_as_they_are_stored(visit):
    answer = visit("chart", symbol="btcusd", start="2026-03-10T12:00", end="2026-03-10T13:00").json()
    hour = Window(DAY.start_ms + 12 * 60 * MINUTE_MS, DAY.start_ms + 13 * 60 * MINUTE_MS)
    rows = stored("candles", "BTC/USD", hour)
    columns = [answer["merged"][name] for name in ("open", "high", "low", "close", "volume")]
    assert list(zip(answer["times"], *columns, strict=True)) == rows


def test_a_minute_is_explained_by_its_parts(visit):
    rows = stored("candles", "BTC/USD", DAY)
    time_ms = rows[700][0]
    moment = datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:30Z")
    answer = visit("explain", symbol="btcusd", time=moment).json()
    assert (answer["start_ms"], answer["agrees"]) == (time_ms, True)
    assert answer["stored"] == list(rows[700][1:])
    minute = Window(time_ms, time_ms + MINUTE_MS)
    for part in answer["parts"]:
        own = {row[0]: row[1:] for row in stored("exchange_candles", "BTC/USD", minute, part["exchange"])}
        assert part["ohlcv"] == (list(own[time_ms]) if time_ms in own else None)
        assert part["state"] == ("used" if time_ms in own else "quiet")
    assert sum(part["weight"] or 0 for part in answer["parts"]) == pytest.approx(1)
    assert {part["market"] for part in answer["parts"]} <= {"BTC/USDT", "BTC/USD", ""}


def test_a_minute_that_was_not_merged_says_who_failed(visit):
    answer = visit("explain", symbol="ethusd", time="2026-03-10T12:00").json()
    [failed] = [part for part in answer["parts"] if part["state"] == "failed"]
    assert failed["exchange"] == "coinbaseexchange"
    assert "500" in failed["reason"]
    assert answer["stored"] is None


def test_exchanges_as_their_fetches_went(visit):
    found = {health["exchange"]: health for health in visit("exchanges", hours=24).json()["exchanges"]}
    broken, sound = found["coinbaseexchange"], found["binance"]
    assert (sound["state"], sound["failed"]) == ("up", 0)
    assert sound["ok"] >= 4
    assert broken["failed"] >= 1
    assert "500" in broken["last_reason"]
    assert broken["last_reason_pair"] == "ETH/USD"
    assert sound["calls"] > 0
    assert 0 < sound["median_ms"] <= sound["p95_ms"]
    assert abs(time.time() * 1000 - sound["last_success_ms"]) < 3_600_000


def test_freshness_is_that_of_the_watermarks(visit):
    answer = visit("freshness").json()
    found = {symbol["currency_pair"]: symbol for symbol in answer["symbols"]}
    assert set(found) == {"BTC/USD", "ETH/USD"}
    known = watermarks(
        BUCKET, *(f"{ticker}-{kind}" for ticker in ("btcusd", "ethusd") for kind in ("catch_up", "backfill"))
    )
    for symbol in found.values():
        assert symbol["catch_up_ms"] == known.get(f"{symbol['ticker']}-catch_up")
        assert symbol["backfill_ms"] == known.get(f"{symbol['ticker']}-backfill")
    assert known != {}
    assert answer["late_after_ms"] == 15 * MINUTE_MS + 10_000
    assert (answer["days_wanted"], answer["done_at_ms"]) == (0, None)


def test_nothing_of_the_address_reaches_flux_unescaped(visit):
    for symbol in ('BTC/USD" or r.exchange == "kraken', "BTC/USD\\", "${bucket}/USD", "BTC/USD\n|> drop()"):
        answer = visit("day", symbol=symbol, day="2026-03-10")
        assert answer.status_code == 400
        assert "is not a symbol" in answer.json()["detail"]


def test_symbols_that_nobody_has_are_empty_not_an_error(visit):
    answer = visit("chart", symbol="nopeusd", start="2026-03-10", end="2026-03-11").json()
    assert (answer["times"], answer["exchanges"]) == ([], {})
    assert visit("explain", symbol="nopeusd", time="2026-03-10").json()["stored"] is None


def test_a_missing_bucket_is_named(visit):
    answer = visit("coverage", pipeline="second")
    assert (answer.status_code, answer.json()["kind"]) == (503, "bucket_missing")
    assert "not_there_yet" in answer.json()["detail"]


@pytest.fixture(scope="module")
def browser():
    path = find_browser()
    assert path, f"no Chromium on the PATH, and {VARIABLE} names none"
    with running_browser(path) as started:
        yield started


@pytest.fixture
def open_page(airflow, browser, passwords):
    """`open_page(user, width=..., dark=...)`: a signed-in tab. What a script complains of fails the test."""
    contexts, complaints = [], []

    def sign_in(user: str = "admin", width: int = 1280, height: int = 900, dark: bool = False):
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        if dark:
            context.add_init_script("localStorage.setItem('theme', 'dark')")
        tab = context.new_page()
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda request: complaints.extend(_from_elsewhere(request.url, airflow.processes.url)))
        tab.goto(f"{airflow.processes.url}/auth/login")
        tab.fill("input[name=username]", user)
        tab.fill("input[name=password]", passwords[user])
        tab.keyboard.press("Enter")
        tab.wait_for_url(re.compile(rf"^{re.escape(airflow.processes.url)}/$"))
        return tab

    yield sign_in
    for context in contexts:
        context.close()
    assert complaints == []


def _from_elsewhere(url: str, own: str) -> list[str]:
    return [] if url.startswith((own, "data:", "blob:", "about:")) else [url]


def picture(tab, name: str) -> Path:
    PICTURES.mkdir(parents=True, exist_ok=True)
    tab.wait_for_timeout(700)
    tab.screenshot(path=PICTURES / f"{name}.png")
    return PICTURES / f"{name}.png"


def ready(tab, address: str):
    """The page below `address` of the navigation, once its view is there."""
    tab.goto(address)
    frame = tab.frame_locator("iframe[title=Candles]")
    frame.locator("#view[aria-busy=false]").wait_for(timeout=60_000)
    return frame


@pytest.mark.browser
def test_from_the_navigation_to_the_reason_of_a_hole_and_its_task(airflow, open_page):
    tab = open_page()
    tab.get_by_role("link", name="Candles").or_(tab.get_by_role("button", name="Candles")).first.click()
    frame = tab.frame_locator("iframe[title=Candles]")
    frame.locator("#view[aria-busy=false]").wait_for(timeout=60_000)
    url = airflow.processes.url
    frame = ready(tab, f"{url}/plugin/candles/candles/?view=coverage&days=365")
    picture(tab, "coverage")
    frame.get_by_role("row", name=re.compile("ETH.USD.*2026-03-10")).get_by_role("link").click()
    frame.get_by_text("Why something is open").wait_for(timeout=60_000)
    card = frame.locator("article", has_text="coinbaseexchange")
    assert "500" in card.inner_text()
    assert "24:00" in card.inner_text()
    picture(tab, "day")
    card.get_by_role("button", name="Clear failed tasks of this run").click()
    card.get_by_role("button", name=re.compile(r"Clear \d tasks?$")).wait_for()
    picture(tab, "clear")
    card.get_by_role("link", name="Task and log").click()
    tab.wait_for_url(re.compile("/dags/candle_backfill/runs/.*/tasks/fetch_candles/mapped/"))


@pytest.mark.browser
def test_on_the_page_of_a_dag_its_pipeline_is_chosen(airflow, open_page):
    tab = open_page("viewer")
    frame = ready(tab, f"{airflow.processes.url}/dags/second_backfill/plugin/candles-dag")
    assert frame.locator("#pipeline").input_value() == "second"
    frame.get_by_text("The bucket does not exist yet.").wait_for()


@pytest.mark.browser
def test_a_user_without_rights_is_told_what_it_needs(airflow, open_page):
    tab = open_page("nobody")
    tab.goto(f"{airflow.processes.url}/candles/")
    tab.get_by_text("You may not see any pipeline.").wait_for()


@pytest.mark.browser
def test_a_viewer_is_told_what_clearing_needs(airflow, open_page):
    tab = open_page("viewer")
    frame = ready(tab, f"{airflow.processes.url}/plugin/candles/candles/?view=day&symbol=ETH/USD&day=2026-03-10")
    frame.get_by_role("button", name="Clear failed tasks of this run").click()
    frame.get_by_text("You may not clear tasks of candle_backfill.").wait_for()


VIEWS = {
    "coverage": "view=coverage&days=365",
    "day": "view=day&symbol=ETH/USD&day=2026-03-10",
    "chart": "view=chart&symbol=BTC/USD&start=2026-03-10T00:00&end=2026-03-11T00:00",
    "explain": "view=explain&symbol=BTC/USD&time=2026-03-10T12:00",
    "explain_failed": "view=explain&symbol=ETH/USD&time=2026-03-10T12:00",
    "exchanges": "view=exchanges&hours=24",
    "freshness": "view=freshness",
    "missing": "view=coverage&pipeline=second",
}


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "width", "dark"), [("light", 1280, False), ("dark", 1280, True), ("phone", 390, False)]
)
def test_every_view_on_every_screen(airflow, open_page, name, width, dark):
    tab = open_page(width=width, dark=dark)
    for view, query in VIEWS.items():
        frame = ready(tab, f"{airflow.processes.url}/plugin/candles/candles/?{query}")
        picture(tab, f"{view}_{name}")
        theme = frame.locator("html").get_attribute("data-theme")
        assert theme == ("dark" if dark else "light")
        assert frame.locator("body").evaluate("body => body.scrollWidth <= body.clientWidth"), (
            view,
            "scrolls sideways",
        )


@pytest.mark.browser
def test_clearing_in_the_page_runs_the_failed_tasks_again(airflow, open_page, visit):
    """The simulator answers by now: the day becomes complete."""
    tab = open_page()
    frame = ready(tab, f"{airflow.processes.url}/plugin/candles/candles/?view=day&symbol=ETH/USD&day=2026-03-10")
    frame.get_by_role("button", name="Clear failed tasks of this run").click()
    frame.get_by_role("button", name=re.compile(r"Clear \d tasks?$")).click()
    frame.get_by_text("tasks are cleared").wait_for(timeout=60_000)
    airflow.unpause("candle_backfill")
    run_id = visit("day", symbol="ethusd", day="2026-03-10").json()["holes"][0]["task"]["run_id"]
    assert airflow.wait_for_run("candle_backfill", run_id)["state"] == "success"
    answer = visit("day", symbol="ethusd", day="2026-03-10").json()
    assert [hole["is_open"] for hole in answer["holes"] if hole["status"] == "failed"] == [False]
    assert answer["merges"] == [{"exchanges": list(EXCHANGES), "windows": [[DAY.start_ms, DAY.end_ms]]}]
    ready(tab, f"{airflow.processes.url}/plugin/candles/candles/?view=day&symbol=ETH/USD&day=2026-03-10")
    picture(tab, "day_mended")


def seed_a_year(symbols: int = 100, days: int = 365) -> None:
    """Daily sums as merges write them."""
    today_ms = int(time.time() * 1000) // DAY_MS * DAY_MS
    sums = "expected=1440i,present=1400i,quiet=40i,not_listed=0i,suspected=0i,rejected=0i,failed=0i,not_asked=0i"
    lines = [
        f"daily_coverage,currency_pair=C{symbol:03}/USD,exchange={exchange} {sums},recorded_at_ms=1i "
        f"{today_ms - day * DAY_MS}"
        for symbol in range(symbols)
        for exchange in EXCHANGES
        for day in range(days)
    ]
    with InfluxBucket(connect_influxdb(), BUCKET) as bucket:
        bucket.write_lines(lines)


# Of one opening of the page, in seconds since its address was entered.
TIMES = """() => {
  const [asked] = performance.getEntriesByType('resource').filter(({ name }) => name.includes('/coverage?'));
  const inFrame = [0, asked.startTime, asked.responseEnd, performance.getEntriesByName('candles-map')[0].startTime];
  return inFrame.map((ms) => (performance.timeOrigin - parent.performance.timeOrigin + ms) / 1000);
}"""


@pytest.mark.browser
def test_a_year_of_a_hundred_symbols_is_drawn_soon(airflow, open_page):
    """First picture: from the page's address, entered by a signed-in user, to the map on the screen."""
    seed_a_year()
    tab = open_page()
    for name in ("first", "second", "third"):
        frame = ready(tab, f"{airflow.processes.url}/plugin/candles/candles/?view=coverage&days=365")
        frame_begins, asked, answered, drawn = frame.locator("body").evaluate(TIMES)
        print(  # noqa: T201 - for the log
            f"\n100 symbols × 365 days, {name} opening: first picture after {drawn:.2f} s (Airflow's own UI until the "
            f"page begins {frame_begins:.2f} s, scripts {asked - frame_begins:.2f} s, data {answered - asked:.2f} s, "
            f"drawing {drawn - answered:.2f} s)"
        )
    picture(tab, "coverage_large")
    assert drawn < 20, "a busy machine is no reason to fail, but this is"


@pytest.mark.browser
def test_with_influxdb_down_the_page_says_so_soon(airflow, visit, storage_stops, open_page):
    """The last test of this module: it stops InfluxDB."""
    storage_stops.close()
    began = time.monotonic()
    answer = visit("coverage")
    assert (answer.status_code, answer.json()["kind"]) == (503, "no_answer")
    assert time.monotonic() - began < 20
    tab = open_page()
    frame = ready(tab, f"{airflow.processes.url}/plugin/candles/candles/")
    frame.get_by_text("InfluxDB does not answer.").wait_for()
    picture(tab, "influxdb_down")
