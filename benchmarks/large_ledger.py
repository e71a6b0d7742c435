"""A ledger of years, written straight into InfluxDB without candles: as closing leaves it, with some open work."""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.sample import NOW_MS as START_OF_TODAY_MS
from benchmarks.workbench import Workbench
from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms
from candle_ingest.ledger.day_record import FLAT, NO_CANDLE, TRADED, ClosingRule, DayRecord, RecordState, new_day_record
from candle_ingest.ledger.day_records import DAY_RECORDS, MERGE_DAYS
from candle_ingest.ledger.merged_day import WITH_CANDLE, WITHOUT_CANDLE, MergedDay, merged_day_fields, new_merged_day
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.record_fields import record_fields
from candle_ingest.ledger.stretch import Stretch
from candle_ingest.store.line_protocol import escaped_field

EXCHANGES = ("binance", "bybit", "coinbaseexchange", "gate", "htx", "kraken", "kucoin", "okx")
RULE = ClosingRule(HOUR_MS)
NOW_MS = START_OF_TODAY_MS + 180 * MINUTE_MS
TODAY_MS = floor_ms(NOW_MS, DAY_MS)
YESTERDAY_MS = TODAY_MS - DAY_MS
# One in this many days of the last month has an hour that failed.
ONE_IN = 1_000
OPEN_DAYS = 30


@dataclass(frozen=True, slots=True)
class LargeLedger:
    """The bucket and the size of a ledger.

    Records are final up to the day before yesterday; those of yesterday wait for their closing look, and those of today
    hold the minutes up to `NOW_MS`.
    """

    bucket: str
    pairs: tuple[str, ...]
    days: int

    @property
    def window(self) -> Window:
        """Return the days that are over."""
        return Window(TODAY_MS - self.days * DAY_MS, TODAY_MS)

    @property
    def tickers(self) -> list[str]:
        """Return the pairs as Redis lists them."""
        return list(self.pairs)


@functools.cache
def large_ledger(bench: Workbench) -> LargeLedger:
    """Write the ledger once for all benchmarks: 2,000 pairs on 8 exchanges over half a year, for six minutes."""
    pairs, days = bench.repetitions(2_000, 30), bench.repetitions(180, 4)
    ledger = LargeLedger(bench.influxdb.new_bucket("ledger"), tuple(itertools.islice(_pairs(), pairs)), days)
    with bench.open_bucket(ledger.bucket) as bucket:
        for day_ms in range(ledger.window.start_ms, TODAY_MS + 1, DAY_MS):
            bucket.write_lines(_lines(ledger, day_ms))
    return ledger


def _pairs() -> Iterator[str]:
    """Yield names as long as real ones: three to five letters."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    words = ("".join(word) for word in itertools.product(letters, repeat=3))
    for number, word in enumerate(itertools.islice(words, 0, None, 7)):
        yield f"{word}{'XY'[: number % 3]}/USD"


def _lines(ledger: LargeLedger, day_ms: int) -> Iterator[str]:
    done, failed = _fields(_record(day_ms)), _fields(_failed(_record(day_ms)))
    merged = _text(merged_day_fields(_merged(day_ms)))
    is_recent = YESTERDAY_MS - OPEN_DAYS * DAY_MS <= day_ms < YESTERDAY_MS
    for number, pair in enumerate(ledger.pairs):
        for place, exchange in enumerate(EXCHANGES):
            is_failed = is_recent and (number * len(EXCHANGES) + place + day_ms // DAY_MS) % ONE_IN == 0
            series = f"{DAY_RECORDS},currency_pair={pair},exchange={exchange}"
            yield f"{series} {failed if is_failed else done},merged_version=1i {day_ms}"
        yield f"{MERGE_DAYS},currency_pair={pair} {merged},announced=1i {day_ms}"


def _record(day_ms: int) -> DayRecord:
    """Return the record of a day with a few quiet and flat minutes; final, or as catch-up leaves it."""
    dice = np.random.default_rng(day_ms // DAY_MS)
    marks = dice.choice([NO_CANDLE, FLAT, TRADED], 1440, p=[0.02, 0.03, 0.95]).astype(np.uint8)
    blank = new_day_record("", "", day_ms, MINUTE_MS)
    end_ms = min(day_ms + DAY_MS, NOW_MS)
    marks[(end_ms - day_ms) // MINUTE_MS :] = NO_CANDLE
    known = replace(
        blank, marks=marks.tobytes(), market="BTC/USDT", answered_version=1, merged_version=1, looks=26,
        last_look_ms=end_ms, proved_ms=end_ms + MINUTE_MS, end_asked_ms=end_ms, stretches=(),
    )  # fmt: skip
    if day_ms >= TODAY_MS:
        to_come = Stretch(start_ms=end_ms, end_ms=day_ms + DAY_MS, state=MinuteState.NOT_ASKED)
        return replace(known, stretches=(to_come,))
    return known if day_ms == YESTERDAY_MS else replace(known, closed=(known.window,))


def _failed(record: DayRecord) -> DayRecord:
    hour = Stretch(
        start_ms=record.day_ms, end_ms=record.day_ms + HOUR_MS, state=MinuteState.FAILED,
        reason="kucoin, BTC/USDT 1m candles: HTTP 503", since_ms=record.day_ms, tries=3, due_ms=record.day_ms + DAY_MS,
    )  # fmt: skip
    return replace(record, stretches=(hour, *record.stretches))


def _merged(day_ms: int) -> MergedDay:
    record = _record(day_ms)
    marks = np.where(record.mark_array > NO_CANDLE, WITH_CANDLE, WITHOUT_CANDLE).astype(np.uint8)
    counts = sum((record.counts() for _ in EXCHANGES[1:]), record.counts())
    state = RecordState.FINAL if day_ms < YESTERDAY_MS else RecordState.PROVISIONAL
    blank = new_merged_day("", day_ms, MINUTE_MS)
    return replace(
        blank, marks=marks.tobytes(), state=state, version=1, method="volume", announced=True, counts=counts,
        exchanges=len(EXCHANGES),
    )  # fmt: skip


def _fields(record: DayRecord) -> str:
    return _text(record_fields(record, RULE))


def _text(fields: dict[str, object]) -> str:
    return ",".join(f'{k}="{escaped_field(v)}"' if isinstance(v, str) else f"{k}={v}i" for k, v in fields.items())
