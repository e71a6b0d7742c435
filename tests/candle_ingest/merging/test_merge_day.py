import itertools
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import Conversion
from candle_ingest.candles.pace import Pace
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, union
from candle_ingest.ledger.day_record import RecordState, new_day_record
from candle_ingest.ledger.fold import fold
from candle_ingest.ledger.look import Found, Look, Surroundings
from candle_ingest.ledger.merged_day import new_merged_day
from candle_ingest.merging.day_rates import PairRates
from candle_ingest.merging.merge_day import merge_day, not_final, windows_to_merge
from candle_ingest.settings import PipelineSettings
from tests.candle_ingest.day import DAY, minutes

BUSY = Surroundings(history=Pace(1440 * 7, 1440 * 7))
SETTINGS = PipelineSettings(name="candle", exchanges=("binance", "kraken"))
EMPTY = new_merged_day("BTC/USD", DAY, MINUTE_MS)
RATES = PairRates(EMPTY.window, Conversion("USD", {}, {}))


def candles(first=0, last=1440, price=10.0):
    return Candles.from_rows([(DAY + n * MINUTE_MS, price, price, price, price, 1.0) for n in range(first, last)])


def record(exchange, first=0, last=1440, version=1, failed=None):
    own = candles(first, last)
    look = Look(
        window=minutes(0, 1440),
        asked_at_ms=DAY + 2 * DAY_MS,
        version=version,
        open_times_ms=own.open_time_ms,
        traded_ms=own.open_time_ms,
        failed=(Found(minutes(*failed), "503"),) if failed else (),
        closing=minutes(0, 1440),
    )
    return fold(new_day_record("BTC/USD", exchange, DAY, MINUTE_MS), look, BUSY)


def test_a_day_that_all_exchanges_answered_is_merged_and_final():
    records = {name: record(name) for name in SETTINGS.exchange_ids}
    windows = windows_to_merge(EMPTY, records, SETTINGS)
    merged = merge_day(EMPTY, records, dict.fromkeys(records, candles()), windows, SETTINGS, RATES)
    assert (windows, len(merged.candles), merged.day.state) == ([minutes(0, 1440)], 1440, RecordState.FINAL)
    assert (merged.day.merged_slots, merged.day.waiting, merged.day.counts.present) == (1440, (), 2880)


def test_minutes_missing_from_one_exchange_wait_and_the_rest_is_merged():
    records = {"binance": record("binance"), "kraken": record("kraken", 0, 600, failed=(600, 1440))}
    windows = windows_to_merge(EMPTY, records, SETTINGS)
    merged = merge_day(EMPTY, records, {"binance": candles(), "kraken": candles(0, 600)}, windows, SETTINGS, RATES)
    assert windows == [minutes(0, 600)]
    assert [(w.window, w.reason) for w in merged.day.waiting] == [(minutes(600, 1440), "kraken failed: 503")]
    assert merged.day.state == RecordState.OPEN


def test_only_changed_minutes_are_merged_again():
    records = {name: replace(record(name), merged_version=1) for name in SETTINGS.exchange_ids}
    first = merge_day(EMPTY, records, dict.fromkeys(records, candles()), [minutes(0, 1440)], SETTINGS, RATES).day
    assert windows_to_merge(first, records, SETTINGS) == []
    look = Look(window=minutes(5, 6), asked_at_ms=DAY + 3 * DAY_MS, version=9, changed=(minutes(5, 6),))
    records["kraken"] = fold(records["kraken"], look, BUSY)
    assert windows_to_merge(first, records, SETTINGS) == [minutes(5, 6)]
    other = SETTINGS.model_copy(update={"high_low": "extremes"})
    assert windows_to_merge(first, records, other) == [minutes(0, 1440)]


def test_a_corrected_candle_is_merged_even_if_another_exchange_became_doubtful():
    records = {name: replace(record(name), merged_version=1) for name in SETTINGS.exchange_ids}
    first = merge_day(EMPTY, records, dict.fromkeys(records, candles()), [minutes(0, 1440)], SETTINGS, RATES).day
    look = Look(window=minutes(5, 6), asked_at_ms=DAY + 3 * DAY_MS, version=9, changed=(minutes(5, 6),))
    records["kraken"] = fold(records["kraken"], look, BUSY)
    records["binance"] = replace(record("binance", 600, failed=(0, 600)), merged_version=1)
    assert windows_to_merge(first, records, SETTINGS) == [minutes(5, 6)]


def test_candles_that_no_record_has_yet_are_not_merged():
    records = {"binance": record("binance"), "kraken": record("kraken", 0, 600, failed=(600, 1440))}
    rule = SETTINGS.model_copy(update={"min_exchanges_required": 1})
    prices = {"binance": candles(price=10.0), "kraken": candles(price=30.0)}
    merged = merge_day(EMPTY, records, prices, windows_to_merge(EMPTY, records, rule), rule, RATES).candles
    assert merged.exchange_count[[0, 599, 600, 1439]].tolist() == [2, 2, 1, 1]


@settings(max_examples=20)
@given(st.lists(st.integers(0, 1439), max_size=5, unique=True))
def test_merging_in_parts_gives_what_merging_at_once_gives(cuts):
    records = {name: record(name) for name in SETTINGS.exchange_ids}
    own = {"binance": candles(price=10.0), "kraken": candles(price=20.0)}
    whole = merge_day(EMPTY, records, own, [minutes(0, 1440)], SETTINGS, RATES)
    borders, day, parts = [0, *sorted(cuts), 1440], EMPTY, []
    for first, last in itertools.pairwise(borders):
        merged = merge_day(day, records, own, union([minutes(first, last)]), SETTINGS, RATES)
        day, parts = merged.day, [*parts, merged.candles.candles]
    np.testing.assert_array_equal(Candles.concatenate(parts).ohlcv, whole.candles.candles.ohlcv)
    assert day == whole.day


def test_a_day_merged_from_other_exchanges_is_merged_again():
    records = {name: replace(record(name), merged_version=1) for name in SETTINGS.exchange_ids}
    first = merge_day(EMPTY, records, dict.fromkeys(records, candles()), [minutes(0, 1440)], SETTINGS, RATES).day
    alone = SETTINGS.model_copy(update={"exchanges": ("binance",)})
    assert windows_to_merge(first, {"binance": records["binance"]}, alone) == [minutes(0, 1440)]


def test_a_merge_counts_an_exchange_that_was_never_asked_and_keeps_the_candles():
    records = {name: replace(record(name), merged_version=1) for name in SETTINGS.exchange_ids}
    first = merge_day(EMPTY, records, dict.fromkeys(records, candles()), [minutes(0, 1440)], SETTINGS, RATES).day
    more = SETTINGS.model_copy(update={"exchanges": ("binance", "kraken", "kucoin")})
    records["kucoin"] = None
    assert windows_to_merge(first, records, more) == []
    day = merge_day(first, records, {}, [], more, RATES).day
    assert (day.state, day.counts.not_asked, day.candles) == (RecordState.OPEN, 1440, 1440)


def test_a_day_that_is_not_of_the_pipelines_exchanges_is_at_most_provisional():
    records = {name: record(name) for name in SETTINGS.exchange_ids}
    merged = merge_day(EMPTY, records, dict.fromkeys(records, candles()), [minutes(0, 1440)], SETTINGS, RATES)
    open_day = replace(merged, day=replace(merged.day, state=RecordState.OPEN))
    assert (not_final(merged).day.state, not_final(open_day).day.state) == (RecordState.PROVISIONAL, RecordState.OPEN)
