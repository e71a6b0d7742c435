import math

import numpy as np
import pytest

from candle_ingest.candles.merge import Conversion
from candle_ingest.candles.merge_method import MergeMethod
from candle_ingest.candles.rates import RateSeries
from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.reports.priced_minute import price_minute

MINUTE = Window(1_700_000_040_000, 1_700_000_040_000 + MINUTE_MS)
SENT = {
    "binance": (60090.0, 60150.0, 60060.0, 60120.0, 42.0),
    "coinbaseexchange": (60000.0, 60060.0, 59980.0, 60030.0, 12.5),
    "kraken": (60002.0, 60050.0, 54000.0, 60024.0, 3.5),
}


def priced(rate=0.9985, sent=SENT, method=None, refused=None):
    markets = ("USDT/USD: bitstamp", "USDT/USD: kraken")
    series = RateSeries(MINUTE, np.array([rate]), markets, np.array([[True], [True]]))
    conversion = Conversion("USD", {"binance": "USDT"}, {"USDT": series}, refused or {})
    return price_minute(MINUTE.start_ms, sent, conversion, method or MergeMethod())


def test_a_leg_shows_its_rate_where_that_was_observed_and_the_converted_candle():
    part = priced().parts["binance"]
    assert (part.sent, part.rate) == (SENT["binance"], 0.9985)
    assert part.rate_source == "USDT/USD: bitstamp, kraken"
    assert part.converted == pytest.approx((59999.865, 60059.775, 59969.91, 60029.82, 42.0))
    assert part.weight == pytest.approx(42 / 58)
    assert part.notes == ()


def test_a_market_in_the_quote_of_the_pair_has_no_rate():
    part = priced().parts["coinbaseexchange"]
    assert (part.rate, part.rate_source, part.converted) == (None, "", SENT["coinbaseexchange"])


def test_a_clamped_exchange_says_how_far_it_was_and_keeps_its_weight():
    part = priced().parts["kraken"]
    assert part.notes == ("clamped: low -10.0 %",)
    assert part.weight == pytest.approx(3.5 / 58)
    assert part.is_clamped
    assert part.counted == pytest.approx((60002.0, 60050.0, 59969.91 / 1.05, 60024.0, 3.5))
    assert not priced().parts["binance"].is_clamped


def test_an_excluded_exchange_has_no_weight():
    part = priced(sent={**SENT, "kraken": (60002.0, 60050.0, 50000.0, 50001.0, 3.5)}).parts["kraken"]
    assert (part.weight, part.notes) == (None, ("excluded: close -16.7 %",))


def test_a_leg_without_a_rate_is_not_used_and_says_so():
    minute = priced(rate=math.nan)
    part = minute.parts["binance"]
    assert (part.converted, part.weight, part.notes) == (None, None, ("excluded: no rate USDT/USD",))
    assert minute.grade(final=True) == "D"


def test_a_stablecoin_off_its_dollar_is_named():
    sent = dict.fromkeys(("binance", "kraken"), SENT["binance"])
    assert priced(rate=0.98, sent=sent).parts["binance"].notes == ("depeg: USDT/USD -2.0 %",)
    assert priced(rate=0.996, sent=sent).parts["binance"].notes == ()


def test_at_par_the_rate_is_one():
    part = priced(method=MergeMethod(quote_conversion="par")).parts["binance"]
    assert (part.rate, part.rate_source, part.converted) == (1.0, "at par", SENT["binance"])


def test_a_refused_exchange_says_why():
    part = priced(refused={"kraken": "another asset"}).parts["kraken"]
    assert (part.weight, part.notes) == (None, ("excluded: another asset",))


def test_a_minute_is_graded_final_or_provisional():
    assert (priced().grade(final=True), priced().grade(final=False)) == ("A", "D")


def test_a_minute_without_a_usable_exchange_has_no_candle():
    minute = priced(rate=math.nan, sent={"binance": SENT["binance"]})
    assert (minute.merged, minute.exchange_count, minute.grade(final=True)) == (None, 0, "D")
