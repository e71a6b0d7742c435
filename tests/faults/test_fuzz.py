"""No input from outside causes an unexpected exception or a wrong candle.

The long form (`CANDLE_TESTS=long`) tries 10,000 examples for each test, more than 100,000 in all; the short form 100.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from candle_ingest.candles.row_checks import check_rows
from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.trades import candles_from_trades
from candle_ingest.candles.window import Window
from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors import CandleIngestError, ConfigurationError, SymbolError
from candle_ingest.exchanges.ccxt_api import open_ccxt
from candle_ingest.exchanges.error_mapping import translate_errors
from candle_ingest.exchanges.market_cache import _market
from candle_ingest.exchanges.profiles import exchange_profile
from candle_ingest.exchanges.trade_rows import parse_trade
from candle_ingest.pipelines import load_pipelines
from candle_ingest.planning import symbol_list
from candle_ingest.servers.retry_after import MAX_WAIT_SECONDS, retry_after_seconds
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxTemporaryError, csv_rows
from candle_ingest.validated_settings import with_params
from tests.faults.conftest import LONG

fuzz = settings(
    max_examples=10_000 if LONG else 100,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
BAR = 60_000
WINDOW = Window(1_773_100_800_000, 1_773_100_800_000 + 60 * BAR)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
json_like = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)
times = (
    st.integers(-2, 62).map(lambda minute: WINDOW.start_ms + minute * BAR)
    | st.integers(-2, 62).map(lambda minute: float(WINDOW.start_ms + minute * BAR))
    | st.integers(WINDOW.start_ms - BAR, WINDOW.end_ms + BAR)
    | scalars
)
prices = st.floats(0.1, 10) | st.integers(1, 10) | scalars
rows = st.lists(
    st.tuples(times, prices, prices, prices, prices, prices).map(list) | st.lists(scalars, max_size=8) | json_like,
    max_size=12,
)


@fuzz
@given(st.text(max_size=50) | st.from_regex(r"[a-zA-Z0-9/\-_: ]{0,20}"))
@example("btcusd\n")
@example("ßtc/usd")
def test_symbols(text):
    try:
        symbol = parse_symbol(text)
    except SymbolError:
        return
    assert re.fullmatch(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}", symbol.currency_pair)
    assert re.fullmatch(r"[A-Za-z0-9/\-_:]{2,41}", symbol.ticker)


class OneKey:
    """A Redis that holds one string."""

    def __init__(self, value: bytes) -> None:
        self.value = value

    def type(self, key: str) -> bytes:
        return b"string"

    def strlen(self, key: str) -> int:
        return len(self.value)

    def get(self, key: str) -> bytes:
        return self.value

    llen = scard = zcard = strlen


@fuzz
@given(st.binary(max_size=60) | json_like.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'["\\ud800"]')
@example(b"[" + b"9" * 5_000 + b"]")
@example(b'[[["' + b"[" * 500)
def test_the_value_in_redis(value):
    with contextlib.suppress(SymbolError):
        for symbol in symbol_list.read_symbols(OneKey(value), "key"):
            assert re.fullmatch(r"[A-Z0-9]+/[A-Z0-9]+", symbol.currency_pair)


@fuzz
@given(st.binary(max_size=60) | json_like.map(lambda value: json.dumps(value).encode()))
def test_a_market_in_the_cache(value):
    with contextlib.suppress(ValueError, RecursionError):
        assert isinstance(_market(value)["symbol"], str)


@fuzz
@given(st.sampled_from(sorted(PipelineSettings.model_fields)), json_like)
def test_values_of_settings(name, value):
    with contextlib.suppress(ConfigurationError):
        assert with_params(PipelineSettings(name="candle"), {name: value}).name


@fuzz
@given(st.sampled_from(sorted(PipelineSettings.model_fields)), st.text(max_size=40))
@example("candle_granularity_minutes", "9" * 5_000)
@example("backfill_interval", "99999999999 * * * *")
@example("quote_equivalents", "[" * 100_000)
@example("backfill_start_date", "9" * 5_000 + "_days_ago")
def test_settings_in_the_environment(name, text):
    with contextlib.suppress(ConfigurationError):
        load_pipelines(environment={f"CANDLE_INGEST_{name.upper()}": text})


@fuzz
@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=60) | json_like.map(lambda v: json.dumps({"pipelines": v}))
)
@example("pipelines: &a {b: *a}")
@example("pipelines: {? {a: 1} : 2}")
@example("pipelines: {candle: {? [1] : 2}}")
@example("pipelines: {candle: !!python/object:os.system {}}")
@example("[" * 5_000)
def test_the_settings_file(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_text(text, encoding="utf-8")
    with contextlib.suppress(ConfigurationError):
        load_pipelines(path, {})


@fuzz
@given(rows)
def test_rows_of_an_exchange(found):
    page = check_rows(found, WINDOW, Timeframe(1))
    given_rows = [tuple(row[:6]) for row in found if isinstance(row, list) and len(row) >= 6]
    for row in page.candles.rows():
        time, open_, high, low, close, volume = row
        assert row in given_rows
        assert time % BAR == 0
        assert WINDOW.start_ms <= time < WINDOW.end_ms
        assert all(map(math.isfinite, row))
        assert 0 < low <= min(open_, close) <= max(open_, close) <= high
        assert volume >= 0
        assert time not in page.rejected_slots
    assert len(set(page.candles.open_time_ms.tolist())) == len(page.candles)


@pytest.fixture(scope="module")
def binance():
    return open_ccxt(ExchangeConnection("binance"), exchange_profile("binance"))


@fuzz
@given(found=json_like | rows)
def test_rows_through_ccxt(binance, found):
    with contextlib.suppress(CandleIngestError), translate_errors(binance, "fuzzed rows"):
        check_rows(binance.parse_ohlcvs(found, None, "1m").rows, WINDOW, Timeframe(1))


@fuzz
@given(
    st.lists(
        st.lists(scalars | st.integers(1, 5) | st.floats(1e9, 2e9), min_size=5, max_size=8) | json_like, max_size=8
    )
)
def test_trades(binance, found):
    with contextlib.suppress(CandleIngestError), translate_errors(binance, "fuzzed rows"):
        trades = [parse_trade(row) for row in found]
        for row in candles_from_trades(trades, WINDOW, Timeframe(1)).rows():
            assert all(map(math.isfinite, row))


@fuzz
@given(
    st.text(max_size=80)
    | st.lists(
        st.sampled_from([",result,table,_value", ",_result,0,1", ",error,reference", ",failed,", "", '"', ",,"])
    ).map(lambda lines: "".join(f"{line}\r\n" for line in lines))
)
def test_answers_of_influxdb(body):
    with contextlib.suppress(InfluxTemporaryError):
        for row in csv_rows(body):
            assert {"result", "table"} <= set(row)


@fuzz
@given(
    st.text(max_size=40)
    | st.integers().map(str)
    | st.datetimes().map(lambda moment: moment.strftime("%a, %d %b %Y %H:%M:%S GMT"))
)
@example("9" * 400)
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("²")
def test_retry_after(text):
    seconds = retry_after_seconds({"Retry-After": text}, datetime.now(UTC))
    assert seconds is None or 0 <= seconds <= MAX_WAIT_SECONDS
