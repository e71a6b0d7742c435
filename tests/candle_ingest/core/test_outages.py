import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.core.outages import suspected_outages
from candle_ingest.core.window import Window

MINUTE = 60_000
DAY = Window(0, 1440 * MINUTE)


def times(*ranges, step=1):
    return np.concatenate([np.arange(first, last, step, dtype=np.int64) * MINUTE for first, last in ranges])


def minutes(first, last):
    return Window(first * MINUTE, last * MINUTE)


def test_a_long_silence_while_the_others_traded_is_suspected():
    traded = {"kraken": times((0, 360), (720, 1440)), "binance": times((0, 1440)), "htx": times((0, 1440))}
    assert suspected_outages(traded, DAY, MINUTE) == {"kraken": [minutes(360, 720)]}


def test_a_silence_over_the_whole_window_is_suspected():
    traded = {"kraken": times((0, 0)), "binance": times((0, 360))}
    assert suspected_outages(traded, minutes(0, 360), MINUTE) == {"kraken": [minutes(0, 360)]}


def test_a_short_silence_is_usual():
    traded = {"kraken": times((0, 360), (389, 1440)), "binance": times((0, 1440))}
    assert suspected_outages(traded, DAY, MINUTE) == {}


def test_a_silence_of_all_is_nobodys_fault():
    quiet = times((0, 360), (720, 1440))
    assert suspected_outages({"kraken": quiet, "binance": quiet}, DAY, MINUTE) == {}


def test_a_single_exchange_has_nobody_to_be_compared_with():
    assert suspected_outages({"kraken": times((0, 100))}, DAY, MINUTE) == {}


def test_an_exchange_that_seldom_trades_is_not_suspected_for_an_hour_of_silence():
    traded = {"kraken": times((0, 1440), step=60), "binance": times((0, 1440))}
    assert suspected_outages(traded, DAY, MINUTE) == {}


def test_an_exchange_that_seldom_trades_is_suspected_where_it_misses_many_of_its_trades():
    traded = {"kraken": times((0, 400), (1000, 1440), step=20), "binance": times((0, 1440))}
    assert list(suspected_outages(traded, DAY, MINUTE)) == ["kraken"]


def test_silences_of_candles_of_an_hour_are_found_too():
    hours = np.arange(24, dtype=np.int64) * 60 * MINUTE
    traded = {"kraken": np.delete(hours, range(6, 12)), "binance": hours}
    assert suspected_outages(traded, DAY, 60 * MINUTE) == {"kraken": [minutes(360, 720)]}


@given(st.dictionaries(st.sampled_from("abcd"), st.sets(st.integers(0, 1439)), min_size=1))
def test_no_trade_ever_lies_in_a_suspected_silence(found):
    traded = {name: np.array(sorted(own), dtype=np.int64) * MINUTE for name, own in found.items()}
    for name, silences in suspected_outages(traded, DAY, MINUTE).items():
        for silence in silences:
            assert DAY.covers(silence)
            assert not any(silence.start_ms <= time < silence.end_ms for time in traded[name].tolist())
