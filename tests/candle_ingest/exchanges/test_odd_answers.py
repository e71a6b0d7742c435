"""Answers that no exchange should give, over HTTP: each is a named error or rejected, and none passes for silence."""

from __future__ import annotations

from typing import Any

import pytest

from candle_ingest.candles.row_checks import Page
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.exchanges.candle_pages import candle_pages
from candle_ingest.exchanges.error_mapping import ExchangeTemporaryError
from candle_ingest.exchanges.profiles import PROFILES
from tests.exchanges_recorded.replay_server import Reply, replaying
from tests.exchanges_recorded.test_replay import NOW_MS, ROWS, WINDOW, market_of, open_client, recorded

GZIP = {"Content-Encoding": "gzip"}
WHOLE = {
    "null": Reply("null"),
    "a number": Reply("1"),
    "a text": Reply('"ok"'),
    "a byte order mark": Reply("\ufeff[]"),
    "NaN in JSON": Reply("[[NaN, NaN, NaN, NaN, NaN, NaN]]"),
    "half a surrogate pair": Reply('{"code": "\\ud800"}'),
    "garbage said to be gzip": Reply("garbage", 200, GZIP),
    "status 204": Reply("", 204),
    "status 304": Reply("", 304),
    "a redirect to itself": Reply("", 302, {"Location": "?"}),
    "a redirect to a file": Reply("", 302, {"Location": "file:///etc/passwd"}),
    "a redirect to no URL": Reply("", 302, {"Location": "http://[::1"}),
    "a redirect to a login page": Reply("", 302, {"Location": "/login"}),
}
TIMES: dict[str, int | str] = {"htx": "id", "bitstamp": "timestamp", "coinbase": "start"}
VOLUMES: dict[str, int | str] = {"htx": "amount", "bitstamp": "volume", "coinbase": "volume", "kraken": 6, "gate": 6}


def pages(exchange: str, bodies: dict[str, Any] | None = None, whole: Reply | None = None) -> list[Page]:
    """Return what a fetch makes of these bodies by path, or of one reply to everything but `/login`."""

    def answer(path: str, number: int) -> Reply:
        if path == "/login":
            return Reply("<html>Log in</html>")
        return whole or Reply((bodies or {})[path])

    with replaying(answer, NOW_MS) as url:
        return list(candle_pages(open_client(exchange, url), market_of(exchange), [WINDOW], Timeframe(1), NOW_MS))


def sent_rows(exchange: str, body: Any) -> list[Any]:
    """Return the list of rows within a body, to change it in place."""
    for key in PROFILES[exchange].rows_path or ():
        body = body[key]
    return next(rows for key, rows in body.items() if key != "last") if isinstance(body, dict) else body


def changed(exchange: str, change: Any) -> dict[str, Any]:
    """Return the documented answers with each row replaced by what `change` makes of it."""
    bodies: dict[str, Any] = recorded(exchange)["candles"]
    for body in bodies.values():
        rows = sent_rows(exchange, body)
        rows[:] = [change(row) for row in rows]
    return bodies


def items(row: Any) -> list[tuple[Any, Any]]:
    return list(row.items()) if isinstance(row, dict) else list(enumerate(row))


def with_value(row: Any, place: Any, value: Any) -> Any:
    """Return the row with another value, as text where the exchange sends text."""
    copy = row.copy()
    copy[place] = str(value) if isinstance(row[place], str) else value
    return copy


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("exchange", PROFILES)
def test_an_unusable_response_is_a_named_error(exchange, name):
    [page] = pages(exchange, whole=WHOLE[name])
    assert page.failed_reason.endswith("[exchange-answer-unusable]")
    assert len(page.checked.candles) == 0


@pytest.mark.parametrize("body", ["<html>\x1b[2J\n  Just a moment", '[[1773100800000,"1","2","0.', "Log in"])
@pytest.mark.parametrize("exchange", PROFILES)
def test_an_answer_that_is_not_json_is_named_with_its_beginning(exchange, body):
    [page] = pages(exchange, whole=Reply(body + 1000 * "x"))
    beginning = " ".join((body + 1000 * "x")[:80].replace("\x1b", "\N{REPLACEMENT CHARACTER}").split())
    assert f"not what its API describes: it is not JSON, and begins with {beginning}… [" in page.failed_reason
    assert "TypeError" not in page.failed_reason


@pytest.mark.parametrize("exchange", PROFILES)
def test_a_list_of_markets_that_is_not_json_is_shown(exchange):
    shown = pytest.raises(ExchangeTemporaryError, match=r"(begins with|empty response:) .?<html>Just a moment")
    with replaying(lambda path, number: Reply("<html>Just a moment"), NOW_MS) as url, shown:
        open_client(exchange, url).fetch_markets()


@pytest.mark.parametrize("exchange", PROFILES)
def test_an_empty_answer_is_named(exchange):
    [page] = pages(exchange, whole=Reply(" "))
    assert "not what its API describes: it is empty [" in page.failed_reason


@pytest.mark.parametrize("factor", [1_000_000, 1_000, 0.001], ids=["µs", "×1000", "÷1000"])
@pytest.mark.parametrize("exchange", PROFILES)
def test_times_in_another_unit_are_a_named_error(exchange, factor):
    place = TIMES.get(exchange, 0)
    [page] = pages(exchange, changed(exchange, lambda row: with_value(row, place, int(int(row[place]) * factor))))
    assert page.failed_reason.endswith("[exchange-answer-unusable]")


@pytest.mark.parametrize("exchange", PROFILES)
def test_rows_of_another_shape_are_a_named_error(exchange):
    turned = changed(
        exchange, lambda row: list(row.values()) if isinstance(row, dict) else dict(enumerate(map(str, row)))
    )
    [page] = pages(exchange, turned)
    assert page.failed_reason.endswith("[exchange-answer-unusable]")


@pytest.mark.parametrize("exchange", PROFILES)
def test_volumes_below_zero_are_never_kept(exchange):
    place = VOLUMES.get(exchange, 5)
    [page] = pages(exchange, changed(exchange, lambda row: with_value(row, place, -1 - float(row[place]))))
    assert "volume negative" in page.failed_reason
    assert len(page.checked.candles) == 0


@pytest.mark.parametrize("exchange", PROFILES)
def test_numbers_with_exponents_and_rows_in_reverse_are_read(exchange):
    time = TIMES.get(exchange, 0)

    def written(row: Any) -> Any:
        for place, value in items(row):
            if place != time and isinstance(value, str) and value.replace(".", "").isdigit():
                row = with_value(row, place, f"{float(value):.12e}")
        return row

    bodies = changed(exchange, written)
    for body in bodies.values():
        sent_rows(exchange, body).reverse()
    [page] = pages(exchange, bodies)
    kept = [row for row in ROWS if row[5] or recorded(exchange)["quiet"] == "flat"]
    assert (page.checked.candles.rows(), page.failed_reason) == (kept, "")
