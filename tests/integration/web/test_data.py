"""The page in the real Airflow: sign-in, rights, and the data of every view against what is stored."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pytest
import requests

from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.web import routes, static_files
from tests.integration.steps import watermarks
from tests.integration.web.world import BUCKET, DAY, EXCHANGES, stored

pytestmark = pytest.mark.integration
QUERY = {
    "symbol": "ethusd",
    "pairs": "ethusd",
    "start": "2026-03-11",
    "end": "2026-03-12",
    "day": "2026-03-11",
    "time": "2026-03-11T12:00",
}


def addresses() -> list[str]:
    values = {"pipeline": "candle", "name": "page.js", "version": "any", "plotly_version": static_files.PLOTLY_VERSION}
    found = [route for part in (routes, static_files) for route in part.router.routes]
    return [route.path.format(**values) for route in found if route.endpoint is not routes.unknown]


def test_every_address_refuses_missing_and_forged_tokens(airflow):
    found = addresses()
    assert len(found) >= 10
    for address in found:
        url = f"{airflow.processes.url}/candles{address}"
        assert requests.get(url, params=QUERY, timeout=30).status_code == 401, address
        forged = requests.get(url, params=QUERY, cookies={"_token": "forged"}, timeout=30)
        assert forged.status_code in (401, 403), address


def test_a_user_without_rights_learns_nothing_of_a_pipeline(airflow, visit):
    for address in addresses():
        if address.startswith("/api/candle/"):
            url = f"{airflow.processes.url}/candles{address}"
            forbidden = visit.session("nobody").get(url, params=QUERY, timeout=30)
            missing = visit.session("nobody").get(url.replace("/candle/", "/nothing/"), params=QUERY, timeout=30)
            assert forbidden.status_code == missing.status_code == 404, address
            assert forbidden.text.replace("'candle'", "'nothing'") == missing.text
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
    rows = answer["rows"]
    row = rows["pairs"].index(pair)
    days = [datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d") for ms in answer["edges_ms"][:-1]]
    return {day: (rows["expected"][row][column], rows["open"][row][column]) for column, day in enumerate(days)}


def test_coverage_shows_the_hole_and_who_has_it(visit):
    days = (int(time.time() * 1000) - DAY.start_ms) // DAY_MS + 1
    answer = visit("overview", days=days).json()
    assert answer["pairs"] == ["BTC/USD", "ETH/USD"]
    assert answer["tickers"] == {"BTC/USD": "btcusd", "ETH/USD": "ethusd"}
    assert days_of(answer, "BTC/USD")["2026-03-11"] == (3 * 1440, 0)
    assert days_of(answer, "ETH/USD")["2026-03-11"] == (3 * 1440, 1440)
    assert days_of(answer, "ETH/USD")["2026-03-13"] == (0, 0)
    assert visit("coverage", days=days, pairs="ethusd").json()["open"] == answer["rows"]["open"][1:]
    holes = visit("holes", days=days).json()["holes"]
    [hole] = [h for h in holes if h["day_ms"] == DAY.start_ms and h["exchange"] == "coinbaseexchange"]
    known = {"currency_pair": "ETH/USD", "exchange": "coinbaseexchange", "state": "failed", "count": 1440}
    assert known.items() <= hole.items()
    assert "500" in hole["reason"]
    assert hole["due_ms"] > 0


def test_rate_markets_are_counted_on_the_days_that_were_asked_for(visit):
    days = (int(time.time() * 1000) - DAY.start_ms) // DAY_MS + 1
    rates = visit("rates", days=days).json()["rates"]
    assert [(rate["currency_pair"], rate["exchange"]) for rate in rates] == [
        ("USDT/USD", exchange) for exchange in ("bitstamp", "coinbaseexchange", "kraken")
    ]
    for rate in rates:
        # The whole day, and of today what catch-up has asked for.
        assert 1440 <= rate["expected"] < 4 * 1440
        candles = stored("exchange_candles", "USDT/USD", DAY, rate["exchange"])
        assert 0 < len(candles) <= rate["answered"]
        assert rate["answered"] >= 1440
        assert rate["answered"] + rate["open"] + rate["unobtainable"] == rate["expected"]


def test_months_of_years_add_up_to_their_days(visit):
    by_day, by_month = (visit("overview", days=days).json() for days in (400, 3650))
    assert (by_day["fold"], by_month["fold"]) == ("day", "month")
    for name in ("expected", "open"):
        assert by_day[name] == by_month[name] == [sum(row) for row in by_month["rows"][name]]


def test_the_day_says_why_and_which_task_knows_more(airflow, visit):
    answer = visit("day", symbol="ethusd", day="2026-03-11").json()
    assert list(answer["counts"]) == list(EXCHANGES)
    assert answer["states"]["coinbaseexchange"] == "open"
    assert [sums["failed"] for sums in answer["counts"]["coinbaseexchange"]] == [60] * 24
    candles = stored("exchange_candles", "ETH/USD", DAY, "binance")
    assert sum(sums["present"] for sums in answer["counts"]["binance"]) == len(candles)
    [hole] = [hole for hole in answer["holes"] if hole["exchange"] == "coinbaseexchange"]
    assert (hole["exchange"], hole["state"], hole["is_open"]) == ("coinbaseexchange", "failed", True)
    assert hole["windows"] == [[DAY.start_ms, DAY.end_ms]]
    assert "500" in hole["reason"]
    task = hole["task"]
    instances = airflow.task_instances(task["dag_id"], task["run_id"])
    [instance] = [i for i in instances if (i["task_id"], i["map_index"]) == (task["task_id"], task["map_index"])]
    assert (instance["rendered_map_index"], instance["state"]) == ("ETH/USD @ coinbaseexchange", "failed")
    assert (answer["merged"], answer["state"]) == ([], "open")
    assert answer["waiting"]


def test_a_day_that_is_complete_is_merged_to_its_end(visit):
    answer = visit("day", symbol="btcusd", day="2026-03-11").json()
    assert [hole for hole in answer["holes"] if hole["is_open"]] == []
    assert answer["merged"] == [[DAY.start_ms, DAY.end_ms]]
    assert answer["waiting"] == []


def test_one_sentence_says_how_complete_it_is(visit):
    answer = visit("summary").json()
    assert (answer["symbols"], answer["never_fetched"]) == (2, False)
    assert " candles of coinbaseexchange for ETH/USD on" in answer["sentence"] or answer["behind"]


def test_bars_are_those_of_the_stored_minutes(visit):
    answer = visit("chart", symbol="btcusd", start="2026-03-11", end="2026-03-12").json()
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
    own = [row[4] for row in stored("exchange_candles", "BTC/USD", DAY, "kucoin") if row[0] >= answer["times"][-1]]
    kucoin = answer["exchanges"]["kucoin"]
    assert (kucoin["mean"][-1], kucoin["market"]) == (pytest.approx(sum(own) / len(own)), "BTC/USDT")


def test_minutes_are_shown_as_they_are_stored(visit):
    answer = visit("chart", symbol="btcusd", start="2026-03-11T12:00", end="2026-03-11T13:00").json()
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
    assert sum(part["percent"] or 0 for part in answer["parts"]) == pytest.approx(100)
    assert answer["verdict"]["kind"] == "good"
    assert {part["market"] for part in answer["parts"]} <= {"BTC/USDT", "BTC/USD", ""}


def test_a_minute_that_was_not_merged_says_who_failed(visit):
    answer = visit("explain", symbol="ethusd", time="2026-03-11T12:00").json()
    [failed] = [part for part in answer["parts"] if part["state"] == "failed"]
    assert failed["exchange"] == "coinbaseexchange"
    assert "500" in failed["reason"]
    assert (answer["stored"], answer["is_merged"]) == (None, False)
    # Besides the exchange that failed, one may be silent.
    assert re.fullmatch("Not merged: [12] of 3 needed answered.", answer["verdict"]["title"])
    assert "coinbaseexchange failed: " in answer["verdict"]["text"]


def test_without_a_time_the_last_final_minute_is_explained(visit):
    answer = visit("explain", symbol="btcusd").json()
    final_ms = watermarks(BUCKET, "btcusd-final").get("btcusd-final")
    latest_ms = watermarks(BUCKET, "BTC_USD_latest_ingested_ts")["BTC_USD_latest_ingested_ts"]
    assert answer["start_ms"] == (latest_ms if final_ms is None else final_ms)


def test_a_day_that_no_run_has_begun_with_is_as_empty_as_on_the_map(visit):
    answer = visit("day", symbol="btcusd", day="2026-03-10").json()
    assert all(hour["expected"] == 0 for hours in answer["counts"].values() for hour in hours)
    assert answer["holes"] == []
    assert answer["when_asked"].startswith("It is before the history")
    assert visit("day", symbol="btcusd", day="2026-03-11").json()["when_asked"] == ""


def test_a_minute_to_come_says_when_it_is_asked_for(visit):
    verdict = visit("explain", symbol="btcusd", time="2099-01-01T12:00").json()["verdict"]
    assert verdict["title"] == "Not asked for."
    assert verdict["text"] == "It is still to come: candle_catch_up requests it at 2099-01-01T12:05Z."


def test_a_symbol_that_was_dropped_from_the_list_holds_nothing_back(visit, redis_server):
    redis_server.client().set("top_cryptocurrencies", '["btcusd"]')
    try:
        states = {row["currency_pair"]: row["state"] for row in visit("freshness").json()["symbols"]}
        holes = visit("holes", days=3660).json()["holes"]
        overview = visit("overview", days=3660).json()
        day = visit("day", symbol="ethusd", day="2026-03-11").json()
        never = visit("day", symbol="ethusd", day="2026-03-10").json()
    finally:
        redis_server.client().set("top_cryptocurrencies", '["btcusd", "ethusd"]')
    assert states["ETH/USD"] == "not in Redis"
    assert states["BTC/USD"] != "not in Redis"
    assert {hole["currency_pair"] for hole in holes} <= {"BTC/USD"}
    assert (overview["pairs"], overview["not_in_redis"]) == (["BTC/USD", "ETH/USD"], ["ETH/USD"])
    assert day["why_not_fetched"] == never["when_asked"] == "ETH/USD is not in Redis: no run requests it by itself."
    assert visit("overview", days=3660).json()["not_in_redis"] == []
    assert visit("day", symbol="ethusd", day="2026-03-11").json()["why_not_fetched"] == ""


@pytest.mark.parametrize("view", ["day", "chart", "explain", "coverage"])
def test_an_unknown_symbol_is_refused_with_near_names(visit, view):
    refused = visit(view, **QUERY | {"symbol": "ehtusd", "pairs": "btcusd,ehtusd"})
    assert refused.status_code == 400
    assert "EHT/USD is neither listed in Redis nor stored; did you mean ETH/USD" in refused.json()["detail"]


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
    assert (sound["slowdown"], broken["slowdown"]) == (1, 1)
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
        answer = visit("day", symbol=symbol, day="2026-03-11")
        assert answer.status_code == 400
        assert "is not a symbol" in answer.json()["detail"]


def test_a_range_without_candles_is_empty_not_an_error(visit):
    answer = visit("chart", symbol="btcusd", start="2020-03-11", end="2020-03-12").json()
    assert (answer["times"], answer["exchanges"]) == ([], {})
    assert visit("explain", symbol="btcusd", time="2020-03-11").json()["stored"] is None


def test_a_missing_bucket_is_named(visit):
    answer = visit("overview", pipeline="second")
    assert (answer.status_code, answer.json()["kind"]) == (503, "bucket_missing")
    assert "not_there_yet" in answer.json()["detail"]
