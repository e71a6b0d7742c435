"""The conversion rates of one day, and which of them have changed since a merge."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from candle_ingest.candles.merge import Conversion
from candle_ingest.candles.rates import RateCandles, RateSeries, leg_rate, lookback, rate_exchanges
from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.ledger.day_record import DayRecord, RecordState
from candle_ingest.ledger.day_records import DayRecords, Key, Unreadable, raise_unreadable
from candle_ingest.ledger.lost_candles import find_lost
from candle_ingest.ledger.rate_pairs import needed_rate_pairs
from candle_ingest.merging.verdict import Records
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.rate_store import RateStore, quote_of


@dataclass(frozen=True, slots=True)
class PairRates:
    """The rates that convert one pair on one day.

    `records` are those of the rate markets on the day itself and on the day before, whose last minutes determine the
    first rates. `expected` counts the records that the day itself should have. `lost` are the keys of records with
    candles that are gone from the bucket.
    """

    day: Window
    conversion: Conversion
    records: Sequence[DayRecord] = ()
    expected: int = 0
    lost: frozenset[Key] = frozenset()

    @property
    def version(self) -> int:
        """Return the version of the newest answer that the rates are made from."""
        return max((record.answered_version for record in self.records), default=0)

    def changed_since(self, version: int) -> list[Window]:
        """Return the parts of the day whose rates may have changed since the answers of that version.

        If a record has dropped changes that came after it, because other pairs were merged with them, that is the whole
        day.
        """
        newer = [record for record in self.records if record.answered_version > version]
        if any(record.merged_version > version for record in newer):
            return [self.day]
        return self._reached(c.window for record in newer for c in record.changes if c.version > version)

    def with_lost_rates(self) -> list[Window]:
        """Return the parts of the day whose rates lack candles that were once stored."""
        return self._reached(window for record in self.records for window in record.lost)

    def _reached(self, windows: Iterable[Window]) -> list[Window]:
        """Return the parts of the day whose rates depend on rate candles in `windows`."""
        reach_ms = self.day.start_ms - lookback(self.day).start_ms
        parts = (Window(window.start_ms, window.end_ms + reach_ms).intersection(self.day) for window in windows)
        return [part for part in parts if part]

    @property
    def states(self) -> list[RecordState]:
        """Return the states of the rate markets: open if one was never asked, final if it is unobtainable.

        Those of the day before count while its last minutes are not settled, except that markets without a record of it
        were never asked: their history begins with this day.
        """
        own = [record.state for record in self.records if record.day_ms == self.day.start_ms]
        settled: list[RecordState] = [
            RecordState.FINAL if state == RecordState.UNOBTAINABLE else state for state in own
        ]
        return [*settled, *self._states_before()] + [RecordState.OPEN] * (self.expected - len(own))

    def _states_before(self) -> list[RecordState]:
        """Return the states of the records of the day before whose last minutes may still change the first rates."""
        before = (record for record in self.records if record.day_ms < self.day.start_ms)
        return [record.state for record in before if not record.is_settled(lookback(self.day))]


class DayRates:
    """Reads the rates of one day, each once for all pairs."""

    def __init__(self, settings: PipelineSettings, records: DayRecords, rates: RateStore, day_ms: int) -> None:
        self._settings = settings
        self._records = records
        self._rates = rates
        self._day = Window(day_ms, day_ms + DAY_MS)
        self._known: dict[Key, DayRecord] = {}
        self._unreadable: Unreadable = {}
        self._series: dict[tuple[str, str], RateSeries] = {}
        self._lost: set[Key] = set()

    def load(self, records: Iterable[DayRecord]) -> None:
        """Read the records of the rate markets that the markets in `records` need. Call this before reading candles."""
        needed = needed_rate_pairs(self._settings, {(r.currency_pair, r.market) for r in records if r.market})
        if needed:
            two_days = Window(max(0, self._day.start_ms - DAY_MS), self._day.end_ms)
            self._known, self._unreadable = self._records.read_readable(two_days, set(needed))

    def of(self, pair: str, records: Records, refused: Mapping[str, str]) -> PairRates:
        """Return the rates of a pair, for the markets in its records.

        Raises UnreadableRecordError if the record of one of its rates cannot be read.
        """
        quote = quote_of(pair)
        markets = {name: record.market for name, record in records.items() if record and record.market}
        legs = {name: leg for name, market in markets.items() if (leg := quote_of(market)) != quote}
        if self._settings.quote_conversion == "par":
            return PairRates(self._day, Conversion(quote, legs, {}, refused))
        needed = needed_rate_pairs(self._settings, {(pair, market) for market in markets.values()})
        raise_unreadable({name: error for name, error in self._unreadable.items() if name in needed})
        rates = {leg: self._rate(leg, quote) for leg in set(legs.values())}
        own = [
            record for (name, exchange, _), record in self._known.items()
            if name in needed and exchange in rate_exchanges(name)
        ]  # fmt: skip
        expected = sum(len(rate_exchanges(name)) for name in needed)
        lost = frozenset(key for key in self._lost if key[0] in needed)
        return PairRates(self._day, Conversion(quote, legs, rates, refused), own, expected, lost)

    def _rate(self, leg: str, quote: str) -> RateSeries:
        if (leg, quote) not in self._series:
            candles = self._rates.candles(leg, quote, self._day)
            self._series[leg, quote] = leg_rate(leg, quote, candles, self._day)
            self._note_lost(candles)
        return self._series[leg, quote]

    def _note_lost(self, candles: RateCandles) -> None:
        for key, record in self._known.items():
            own = candles.get(key[0], {}).get(key[1])
            if own is not None and find_lost(record, [lookback(self._day)], own.open_time_ms):
                self._lost.add(key)
