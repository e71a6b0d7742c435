"""The page in a browser, inside the real Airflow: every view, its speed, and what goes wrong."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import TimeoutError

from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.doctor.finding import Finding, Verdict
from candle_ingest.doctor.stored_findings import write_findings
from candle_ingest.store.bucket import InfluxBucket
from tests.integration.web.tabs import FRAME, choose_colours, open_in_frame, picture, ready, resize
from tests.integration.web.world import (
    BUCKET,
    DAY,
    EXCHANGES,
    SYMBOLS_KEY,
    seed_days,
    seed_minutes,
    seed_watermarks,
    seed_yesterday,
)

pytestmark = [pytest.mark.integration, pytest.mark.browser]


def test_without_a_sign_in_there_is_no_page(airflow, browser):
    with browser.new_context() as context:
        tab = context.new_page()
        tab.goto(f"{airflow.processes.url}/plugin/candles")
        tab.wait_for_url(re.compile("/auth/login"), wait_until="commit")


def test_a_shared_link_leads_to_the_sign_in_and_back(airflow, browser, passwords):
    shared = f"{airflow.processes.url}/candles/?view=explain&symbol=BTC/USD&time=2026-03-11T12:00"
    with browser.new_context() as context:
        tab = context.new_page()
        tab.goto(shared)
        tab.wait_for_url(re.compile("/auth/login"))
        tab.fill("input[name=username]", "viewer")
        tab.fill("input[name=password]", passwords["viewer"])
        tab.keyboard.press("Enter")
        tab.wait_for_url(re.compile(r"/candles/\?view=explain&symbol=BTC"))
        tab.get_by_role("heading", name="BTC/USD, 2026-03-11 12:00").wait_for(timeout=60_000)


# Answered of expected, and the open candles.
USDT_ROW = re.compile(r"^USDT.USD kraken [\d,]+ of [\d,]+ [\d,]+( ([\d,]+ )?silent so far, requested again)?$")


def test_from_the_navigation_to_the_reason_of_a_hole_and_its_task(airflow, open_page):
    tab = open_page()
    tab.goto(airflow.processes.url)
    tab.get_by_role("link", name="Candles").or_(tab.get_by_role("button", name="Candles")).first.click()
    tab.frame_locator(FRAME).locator("#view[aria-busy=false]").wait_for(timeout=60_000)
    frame = open_in_frame(tab, f"{airflow.processes.url}/candles/?view=coverage&days=365")
    rates = frame.get_by_role("table", name="Rates")
    rates.wait_for(timeout=60_000)
    assert rates.get_by_role("columnheader").all_inner_texts() == ["Pair", "Exchange", "Answered", "Open candles"]
    assert rates.get_by_role("row", name=USDT_ROW).count() == 1
    picture(tab, "coverage")
    frame.get_by_role("row", name=re.compile("ETH.USD.*2026-03-11.*coinbaseexchange")).get_by_role("link").click()
    frame.get_by_text("Why something is open").wait_for(timeout=60_000)
    card = frame.locator("article", has_text="coinbaseexchange")
    assert "500" in card.inner_text()
    assert "24:00" in card.inner_text()
    picture(tab, "day")
    card.get_by_role("button", name="Clear failed tasks of this run").click()
    card.get_by_role("button", name=re.compile(r"Clear \d tasks?$")).wait_for()
    picture(tab, "clear")
    card.get_by_role("link", name="Task and log").click()
    tab.wait_for_url(re.compile("/dags/candle_backfill/runs/.*/tasks/fetch_candles/mapped/"), wait_until="commit")


def test_on_the_page_of_a_dag_its_pipeline_is_chosen(airflow, open_page):
    tab = open_page("viewer")
    frame = ready(tab, f"{airflow.processes.url}/dags/second_backfill/plugin/candles-dag")
    assert frame.locator("#pipeline").input_value() == "second"
    frame.get_by_text("The bucket does not exist yet.").wait_for()


def test_a_user_without_rights_is_told_what_it_needs(airflow, open_page):
    tab = open_page("nobody")
    tab.goto(f"{airflow.processes.url}/candles/")
    tab.get_by_text("You may not see any pipeline.").wait_for()


def test_a_viewer_is_told_what_clearing_needs(open_view):
    tab = open_view("view=day&symbol=ETH/USD&day=2026-03-11", user="viewer")
    tab.get_by_role("button", name="Clear failed tasks of this run").click()
    tab.get_by_text("You may not clear tasks of candle_backfill.").wait_for()


def test_near_names_of_a_misspelt_symbol_are_shown_once(open_view):
    tab = open_view("view=explain&symbol=BCTUSD")
    told = tab.get_by_text("BCT/USD is neither listed in Redis nor stored").locator("..").inner_text()
    assert (told.count("BTC/USD"), told.lower().count("did you mean")) == (1, 1)


def test_a_final_day_says_what_final_means(open_view):
    tab = open_view("view=day&symbol=BTC/USD&day=2026-03-11")
    tab.get_by_text("every exchange was asked for the whole day after it had ended").wait_for()


# Of the pictures that the documentation shows: all of the chart, and no empty space.
HEIGHTS = {"chart": 1010, "explain": 620}
VIEWS = {
    "run": "view=run",
    "unknown": "view=nothing",
    "misspelt": "view=explain&symbol=BCTUSD",
    "coverage": "view=coverage&days=365",
    "day": "view=day&symbol=ETH/USD&day=2026-03-11",
    # Bars of two minutes.
    "chart": "view=chart&symbol=BTC/USD&start=2026-03-11T00:00&end=2026-03-11T13:00",
    "explain": "view=explain&symbol=BTC/USD&time=2026-03-11T12:00",
    "explain_failed": "view=explain&symbol=ETH/USD&time=2026-03-11T12:00",
    "exchanges": "view=exchanges&hours=24",
    "freshness": "view=freshness",
    "missing": "view=coverage&pipeline=second",
}


FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
# The width of a screen, by the name that its pictures have.
SCREENS = {"light": 1280, "small": 1024, "phone": 375}


def test_every_view_fits_every_screen_and_is_accessible(airflow, open_page):
    """Loaded on a wide screen that becomes narrow, in the dark on a narrow one that becomes wide."""
    tab = open_page()
    ready(tab, f"{airflow.processes.url}/plugin/candles")
    for theme in ("dark", "light"):
        choose_colours(tab, theme)
        for view, query in VIEWS.items():
            check_view(tab, f"{airflow.processes.url}/candles/?{query}", view, theme)


def check_view(tab, address: str, view: str, theme: str) -> None:
    screens = sorted(SCREENS.items(), key=lambda screen: screen[1], reverse=theme == "light")
    height = HEIGHTS.get(view, 900)
    resize(tab, screens[0][1], height)
    frame = open_in_frame(tab, address)
    document = tab.query_selector(FRAME).content_frame()
    for name, width in screens:
        resize(tab, width, height)
        picture(tab, f"{view}_{name}_dark" if theme == "dark" else f"{view}_{name}")
        assert_nothing_is_cut(document, view, name)
        # The dark changes only colours, and all that has one is on the widest screen.
        if width in ((1280,) if theme == "dark" else (1280, 375)):
            assert_accessible(document)
    assert frame.locator("html").get_attribute("data-theme") == theme
    assert frame.get_by_text(re.compile("^The page (has )?failed.$")).count() == 0, view


def assert_nothing_is_cut(document, view: str, screen: str) -> None:
    # A chart follows another width a moment later.
    with suppress(TimeoutError):
        document.wait_for_function(f"() => {FITS}", timeout=5_000)
    assert document.evaluate(FITS), (view, screen, "is too wide")
    # On a phone the hours of a day scroll in a place of their own.
    widths = document.locator(".scroll").evaluate_all("places => places.map((it) => [it.scrollWidth, it.clientWidth])")
    cut = [(whole, shown) for whole, shown in widths if whole > shown]
    assert not cut or (screen, view) == ("phone", "day"), (view, screen, "is cut", cut)


def assert_accessible(document) -> None:
    """Check by axe-core; what it finds is in the message."""
    found = Axe().run(document, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, (document.url, found.generate_report())
    assert document.title().endswith("Candles")


def test_at_its_own_address_the_page_follows_the_colours_of_the_system(airflow, open_page):
    tab = open_page()
    tab.goto(f"{airflow.processes.url}/candles/?{VIEWS['day']}")
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        tab.locator(f"html[data-theme={scheme}] #view[aria-busy=false]").wait_for(timeout=60_000)
        assert_accessible(tab)


@pytest.fixture
def one_of_two_listed(redis_server):
    """DONE/USD, complete and the only symbol in Redis; GONE/USD, open and no longer there."""
    client = redis_server.client()
    before = client.get(SYMBOLS_KEY)
    seed_yesterday("DONE/USD", failed=0)
    seed_yesterday("GONE/USD", failed=1440)
    client.set(SYMBOLS_KEY, '["doneusd"]')
    yield
    client.set(SYMBOLS_KEY, before)


@pytest.mark.usefixtures("one_of_two_listed")
def test_map_card_and_holes_agree_that_only_symbols_in_redis_count(open_view):
    # The answer for another number of days may be cached.
    tab = open_view("view=coverage&days=29")
    tab.get_by_text("0 of 4,320 candles of the exchanges are open").wait_for(timeout=60_000)
    tab.get_by_text("No holes.").wait_for(timeout=60_000)
    tab.get_by_text(re.compile("^Pale, at the end: .* not in Redis")).wait_for()
    tab.get_by_placeholder("Filter symbols").fill("gone")
    tab.locator(".map").focus()
    tab.keyboard.press("End")
    tab.keyboard.press("ArrowLeft")
    spoken = "GONE/USD, .*: not in Redis: 1,440 of 4,320 candles open"
    tab.locator("p.hidden", has_text=re.compile(spoken)).wait_for(state="attached")


@pytest.mark.usefixtures("one_of_two_listed")
def test_what_was_never_asked_for_says_what_requests_it(open_view):
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    for symbol, said in (
        ("DONE/USD", "Requested by a run of candle_backfill for this day; recent minutes by candle_catch_up."),
        ("GONE/USD", "GONE/USD is not in Redis: no run requests it by itself."),
    ):
        tab = open_view(f"view=day&symbol={symbol}&day={yesterday}")
        card = tab.locator("article", has_text="not asked for").first
        assert said in card.inner_text()
        assert "tries" not in card.inner_text()


def test_facts_that_could_not_be_observed_are_counted_apart(open_view):
    verdicts = (Verdict.AS_EXPECTED, Verdict.AS_EXPECTED, Verdict.NOT_SEEN)
    findings = [Finding("binance", f"fact {number}", "x", "x", verdict) for number, verdict in enumerate(verdicts)]
    with InfluxBucket(connect_influxdb(), BUCKET) as bucket:
        write_findings(bucket, findings, int(time.time() * 1000))
    tab = open_view("view=exchanges&hours=168")
    tab.get_by_text("2 facts are as expected, and 1 could not be observed.").wait_for(timeout=60_000)


def test_the_map_works_by_keyboard(open_view):
    seed_days(symbols=3, days=30)
    tab = open_view("view=coverage&days=30")
    tab.locator(".map").focus()
    for key in ("Home", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown"):
        tab.keyboard.press(key)
    # The card follows the last key a moment later.
    card = tab.locator(".card", has_text="Chosen:").filter(has_text="BTC/USD, ETH/USD")
    card.filter(has_text="2 days").wait_for()
    tab.keyboard.press("Escape")
    tab.locator(".card", has_text="Chosen:").wait_for(state="detached")
    tab.keyboard.press("Enter")
    tab.wait_for_url(re.compile("view=day"))


def test_chosen_days_are_fetched_with_the_users_own_rights(airflow, open_view):
    for user, told in (("viewer", "You may not start runs of candle_backfill."), ("admin", "is created.")):
        tab = open_view("view=run&symbol=BTC/USD", user)
        tab.fill("input[name=start]", "2026-03-12")
        tab.fill("input[name=end]", "2026-03-12 01:00")
        tab.get_by_role("button", name="Continue").click()
        tab.get_by_text("BTC/USD, 2026-03-12 00:00 to 2026-03-12 01:00 UTC").wait_for()
        tab.get_by_role("button", name="Start a run of candle_backfill").click()
        tab.get_by_text(told).wait_for(timeout=60_000)
    run = airflow.runs("candle_backfill")[-1]
    wanted = {"symbols": ["btcusd"], "start": "2026-03-12T00:00Z", "end": "2026-03-12T01:00Z"}
    assert wanted.items() <= run["conf"].items()


def test_html_in_a_name_is_text_in_the_chart(open_view):
    """Whoever can write to the bucket must not put a link into Plotly's legend."""
    name = '<a href="https://evil.example">click</a>'
    seed_minutes("EVIL/USD", Window(DAY.start_ms, DAY.start_ms + 3_600_000), exchanges=(name,))
    tab = open_view("view=chart&symbol=EVIL/USD&start=2026-03-11T00:00&end=2026-03-11T01:00")
    tab.locator(".plot .legendtext").first.wait_for(timeout=60_000)
    assert tab.locator(".plot a").count() == 0
    assert "evil.example" in tab.locator(".plot .legend").text_content()


def test_a_silent_exchange_is_missing_and_the_range_is_the_one_asked_for(open_view):
    seed_minutes("GAP/USD", Window(DAY.start_ms, DAY.start_ms + 3_600_000))
    tab = open_view("view=chart&symbol=GAP/USD&start=2026-03-11T00:00&end=2026-03-11T03:00")
    tab.locator(".plot .main-svg").first.wait_for(timeout=60_000)
    view = tab.locator("#view").inner_text()
    assert "Nothing in this range from kucoin." in view
    assert "60 bars with candles of fewer than the 3 exchanges" in view
    assert tab.locator(".readout .missing").inner_text() == "kucoin missing"
    shown = tab.evaluate("document.querySelector('.plot')._fullLayout.xaxis.range")
    assert [str(text)[:16] for text in shown] == ["2026-03-11 00:00", "2026-03-11 03:00"]
    tab.get_by_role("link", name=re.compile("2026-03-11 01:00 . 03:00")).click()
    tab.get_by_role("heading", name="GAP/USD, 2026-03-11").wait_for(timeout=60_000)


def test_clearing_in_the_page_runs_the_failed_tasks_again(airflow, open_view, visit):
    """The simulator answers by now: the day becomes complete."""
    tab = open_view("view=day&symbol=ETH/USD&day=2026-03-11")
    tab.get_by_role("button", name="Clear failed tasks of this run").click()
    tab.get_by_role("button", name=re.compile(r"Clear \d tasks?$")).click()
    tab.get_by_text("tasks are cleared").wait_for(timeout=60_000)
    airflow.unpause("candle_backfill")
    run_id = visit("day", symbol="ethusd", day="2026-03-11").json()["holes"][0]["task"]["run_id"]
    assert airflow.wait_for_run("candle_backfill", run_id)["state"] == "success"
    airflow.pause("candle_backfill")
    answer = visit("day", symbol="ethusd", day="2026-03-11").json()
    assert [hole for hole in answer["holes"] if hole["state"] == "failed"] == []
    assert answer["merged"] == [[DAY.start_ms, DAY.end_ms]]
    tab = open_view("view=day&symbol=ETH/USD&day=2026-03-11")
    picture(tab, "day_repaired")
    assert tab.get_by_label(re.compile(r"^coinbaseexchange, \d\d:00: \d+ candle")).count() == 24
    assert tab.get_by_label(re.compile("^coinbaseexchange, .* failed")).count() == 0


# Of one opening of the page, in seconds since its address was entered.
TIMES = """() => {
  const [asked] = performance.getEntriesByType('resource').filter(({ name }) => name.includes('/overview?'));
  const inFrame = [0, asked.startTime, asked.responseEnd, performance.getEntriesByName('candles-map')[0].startTime];
  return inFrame.map((ms) => (performance.timeOrigin - parent.performance.timeOrigin + ms) / 1000);
}"""


@pytest.fixture
def hundred_symbols(redis_server):
    """A hundred symbols that Redis lists, with a year of merged days."""
    client = redis_server.client()
    before = client.get(SYMBOLS_KEY)
    seed_days(symbols=100, days=365)
    client.set(SYMBOLS_KEY, json.dumps(seed_watermarks(symbols=100)))
    yield
    client.set(SYMBOLS_KEY, before)


@pytest.mark.usefixtures("hundred_symbols")
def test_a_year_of_a_hundred_symbols_is_drawn_soon(airflow, open_page):
    """First picture: from the page's address, entered by a signed-in user, to the map on the screen."""
    tab = open_page()
    frame = ready(tab, f"{airflow.processes.url}/plugin/candles/candles/?view=coverage&days=365")
    frame_begins, asked, answered, drawn = frame.locator("body").evaluate(TIMES)
    print(  # noqa: T201 - for the log
        f"\n100 symbols × 365 days: first picture after {drawn:.2f} s (Airflow's own UI until the page begins "
        f"{frame_begins:.2f} s, scripts {asked - frame_begins:.2f} s, data {answered - asked:.2f} s, drawing "
        f"{drawn - answered:.2f} s)"
    )
    # The sentence and the cards may be a minute old, of what another test had listed.
    frame.get_by_role("button", name="Refresh").click()
    frame.get_by_text("All 100 symbols are merged to ").wait_for(timeout=60_000)
    picture(tab, "coverage_large")
    assert drawn - frame_begins < 20, "a busy machine is no reason to fail, but this is"


def test_the_map_says_what_a_cell_is_and_opens_its_day(open_view):
    seed_days(symbols=3, days=30)
    tab = open_view("view=coverage&days=30")
    canvas = tab.locator(".map canvas")
    tab.get_by_placeholder("Filter symbols").fill("sol")
    only_row_today = {"x": canvas.bounding_box()["width"] - 4, "y": 30}
    canvas.hover(position=only_row_today)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert tab.locator(".tip").inner_text().startswith(f"SOL/USD, {today}")
    canvas.click(position=only_row_today)
    tab.get_by_role("heading", name=f"SOL/USD, {today}").wait_for(timeout=60_000)


def test_five_hundred_symbols_are_shown(open_view):
    seed_days(symbols=500, days=20)
    tab = open_view("view=coverage&days=90")
    map_ = tab.locator(".map")
    assert map_.evaluate("map => map.scrollHeight") > 500 * 20
    assert map_.bounding_box()["height"] < 700
    with tab.expect_response(re.compile("/coverage[?]")):
        map_.evaluate("map => { map.scrollTop = map.scrollHeight; }")
    picture(tab, "coverage_of_500")


def test_a_year_of_minutes_is_charted_soon(open_view, visit):
    end_ms = int(time.time() * 1000) // DAY_MS * DAY_MS
    year = Window(end_ms - 365 * DAY_MS, end_ms)
    seed_minutes("YEAR/USD", year, EXCHANGES[:1])
    start, end = (datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M") for ms in (year.start_ms, end_ms))
    began = time.monotonic()
    answer = visit("chart", symbol="YEAR/USD", start=start, end=end).json()
    data_seconds = time.monotonic() - began
    assert sum(answer["merged"]["count"]) == 365 * 1440
    assert len(answer["times"]) <= 750
    tab = open_view(f"view=chart&symbol=YEAR/USD&start={start}&end={end}")
    tab.locator(".plot .main-svg").first.wait_for()
    print(f"\nchart of a year of minutes: its data after {data_seconds:.2f} s")  # noqa: T201 - for the log
    picture(tab, "chart_year")
    assert data_seconds < 10, "a busy machine is no reason to fail, but this is"
