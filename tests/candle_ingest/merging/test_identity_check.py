from dataclasses import replace

import numpy as np
import pytest

from candle_ingest.candles.identity import Mismatch
from candle_ingest.candles.merge import NO_LEGS, Conversion
from candle_ingest.candles.rates import RateSeries
from candle_ingest.candles.window import MINUTE_MS
from candle_ingest.ledger.day_record import FLAT, NO_CANDLE, TRADED, new_day_record
from candle_ingest.ledger.merged_day import new_merged_day
from candle_ingest.merging.identity_check import is_due, with_verdict
from tests.candle_ingest.day import DAY

EMPTY = new_merged_day("BTC/USD", DAY, MINUTE_MS)
REFUSED = (("kraken", "another asset"),)
FOREIGN = Mismatch("kraken", "binance", 0.07)


def record(exchange, traded, mark=TRADED):
    marks = bytes([mark] * traded + [NO_CANDLE] * (1440 - traded))
    return replace(new_day_record("BTC/USD", exchange, DAY, MINUTE_MS), marks=marks)


def records(**traded):
    return {name: record(name, count) for name, count in traded.items()}


@pytest.mark.parametrize(
    ("compared", "kraken", "expected"),
    [
        ((), 29, True),
        (("binance", "okx"), 29, False),
        (("binance", "okx"), 30, True),
        (("binance", "kraken", "okx"), 60, False),
    ],
)
def test_a_comparison_is_due_once_an_uncompared_exchange_has_thirty_common_minutes(compared, kraken, expected):
    day = replace(EMPTY, compared=compared)
    assert is_due(day, records(binance=60, okx=60, kraken=kraken), NO_LEGS) is expected


def test_no_comparison_is_due_without_a_second_exchange_that_trades():
    assert not is_due(EMPTY, {**records(binance=60), "okx": record("okx", 60, FLAT), "kraken": None}, NO_LEGS)


@pytest.mark.parametrize(("rated", "expected"), [(29, False), (30, True)])
def test_only_minutes_with_a_rate_can_be_compared(rated, expected):
    values = np.array([1.0] * rated + [np.nan] * (1440 - rated))
    rates = RateSeries(EMPTY.window, values, (), np.empty((0, 1440), dtype=np.bool_))
    conversion = Conversion("USD", {"binance": "USDT"}, {"USDT": rates})
    assert is_due(EMPTY, records(binance=60, kraken=60), conversion) is expected


def test_a_refused_exchange_that_was_not_compared_stays_refused():
    day = with_verdict(replace(EMPTY, refused=REFUSED), ["binance", "okx"], [])
    assert (day.refused, day.compared) == (REFUSED, ("binance", "okx"))


def test_a_refused_exchange_that_agrees_is_used_again():
    day = with_verdict(replace(EMPTY, refused=REFUSED), ["binance", "kraken"], [])
    assert (day.refused, day.compared) == ((), ("binance", "kraken"))


def test_a_refused_exchange_that_still_differs_is_refused_once():
    day = with_verdict(replace(EMPTY, refused=REFUSED, compared=("okx",)), ["binance", "kraken"], [FOREIGN])
    assert [name for name, _ in day.refused] == ["kraken"]
    assert day.compared == ("binance", "kraken", "okx")
