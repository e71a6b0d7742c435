import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.silences import suspected_outages
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window

MINUTE = 60_000
DAY = Window(0, 1440 * MINUTE)


def times(*ranges, step=1):
    return np.concatenate([np.arange(first, last, step, dtype=np.int64) * MINUTE for first, last in ranges])


def minutes(first, last):
    return Window(first * MINUTE, last * MINUTE)


def suspected(traded, window, minutes=1):
    """All exchanges have answered for the whole window."""
    return suspected_outages(traded, {name: [window] for name in traded}, Timeframe(minutes))


def test_a_long_silence_while_the_others_traded_is_suspected():
    traded = {"kraken": times((0, 360), (720, 1440)), "binance": times((0, 1440)), "htx": times((0, 1440))}
    assert suspected(traded, DAY) == {"kraken": [minutes(360, 720)]}


def test_a_silence_over_the_whole_window_is_suspected():
    traded = {"kraken": times((0, 0)), "binance": times((0, 360))}
    assert suspected(traded, minutes(0, 360)) == {"kraken": [minutes(0, 360)]}


def test_a_short_silence_is_usual():
    traded = {"kraken": times((0, 360), (389, 1440)), "binance": times((0, 1440))}
    assert suspected(traded, DAY) == {}


def test_a_silence_of_all_is_nobodys_fault():
    quiet = times((0, 360), (720, 1440))
    assert suspected({"kraken": quiet, "binance": quiet}, DAY) == {}


def test_a_single_exchange_has_nobody_to_be_compared_with():
    assert suspected({"kraken": times((0, 100))}, DAY) == {}


def test_an_exchange_that_seldom_trades_is_not_suspected_for_an_hour_of_silence():
    traded = {"kraken": times((0, 1440), step=60), "binance": times((0, 1440))}
    assert suspected(traded, DAY) == {}


def test_an_exchange_that_seldom_trades_is_suspected_where_it_misses_many_of_its_trades():
    traded = {"kraken": times((0, 400), (1000, 1440), step=20), "binance": times((0, 1440))}
    assert list(suspected(traded, DAY)) == ["kraken"]


def test_silences_of_candles_of_an_hour_are_found_too():
    hours = np.arange(24, dtype=np.int64) * 60 * MINUTE
    traded = {"kraken": np.delete(hours, range(6, 12)), "binance": hours}
    assert suspected(traded, DAY, 60) == {"kraken": [minutes(360, 720)]}


def test_what_an_exchange_was_not_asked_for_is_no_silence():
    traded = {"kraken": times((60, 120)), "binance": times((0, 240))}
    asked = {"kraken": [minutes(60, 149)], "binance": [minutes(0, 240)]}
    assert suspected_outages(traded, asked, Timeframe(1)) == {}
    asked["kraken"] = [minutes(60, 150)]
    assert suspected_outages(traded, asked, Timeframe(1)) == {"kraken": [minutes(120, 150)]}


@given(st.dictionaries(st.sampled_from("abcd"), st.sets(st.integers(0, 1439)), min_size=1))
def test_no_trade_ever_lies_in_a_suspected_silence(found):
    traded = {name: np.array(sorted(own), dtype=np.int64) * MINUTE for name, own in found.items()}
    for name, silences in suspected(traded, DAY).items():
        for silence in silences:
            assert DAY.covers(silence)
            assert not any(silence.start_ms <= time < silence.end_ms for time in traded[name].tolist())
