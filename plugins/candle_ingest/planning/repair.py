"""Plan a repair run: what the records have as due, newest first, shared fairly and within its budget."""

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.connections import RedisClient
from candle_ingest.exchanges.answers import Market
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.ledger.day_record import DayRecord
from candle_ingest.ledger.day_records import DayRecords, Key
from candle_ingest.ledger.look import Look
from candle_ingest.ledger.record_keeper import log_unreadable
from candle_ingest.ledger.retry import retry_unobtainable
from candle_ingest.ledger.work_index import WorkIndex
from candle_ingest.planning.fetch_batch import FetchBatch
from candle_ingest.planning.record_keeping import record_keeper
from candle_ingest.planning.request_planner import RequestPlanner, closing_part
from candle_ingest.planning.run import Run
from candle_ingest.planning.unasked import failed_look
from candle_ingest.plurals import counted
from candle_ingest.store.bucket import InfluxBucket

logger = logging.getLogger(__name__)
# The time that a repair run may spend on one exchange; the next run begins an hour later.
MAX_SECONDS = 2_400
# Closing looks at newer days are made even if no calls are left, those at older days only if some are.
CLOSING_TIME_MS = 3 * DAY_MS
# A busy market has about 50,000 trades a day; a response holds 1,000.
TRADE_CALLS_A_DAY = 50
Markets = Mapping[str, Mapping[str, Market]]


def plan_repair(
    run: Run,
    markets: Markets,
    vanished: Mapping[str, Mapping[str, str]],
    clients: Mapping[str, ExchangeClient],
    bucket: InfluxBucket,
    client: RedisClient,
) -> list[FetchBatch]:
    """Return what is due, by exchange. Records that lack only proof are settled without a request.

    `vanished` has the reason for each pair whose market is gone: what is due there is recorded as failed again.
    """
    if run.retry_unobtainable:
        _retry_given_up(run, bucket, client)
    index = WorkIndex(client, bucket)
    _fail_vanished(run, bucket, client, index.due(run.now_ms), vanished)
    due = [key for key in index.due(run.now_ms) if key[0] in markets.get(key[1], {})]
    choice = _Choice.of(run, bucket, due, clients)
    for key in fair_order(due):
        choice.consider(key)
    _settle(run, bucket, client, choice.unproved)
    count = sum(len(windows) for own in choice.windows.values() for windows in own.values())
    logger.info("Repair: %s due, requesting %s now", counted(len(due), "day record"), counted(count, "window"))
    return [_batch(exchange, own, markets[exchange]) for exchange, own in sorted(choice.windows.items())]


@dataclass(kw_only=True)
class _Choice:
    """Chooses what to request now, key by key: `windows` by exchange and pair.

    `unproved` are the keys that need no request; `calls_left` is how many more calls this run may make.
    """

    run: Run
    records: "_Records"
    budgets: Mapping[str, "_Budget"]
    calls_left: int
    windows: dict[str, dict[str, list[Window]]] = field(default_factory=dict)
    unproved: dict[str, list[Key]] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run, bucket: InfluxBucket, due: Sequence[Key], clients: Mapping[str, ExchangeClient]) -> "_Choice":
        names = {key[1] for key in due}
        budgets = {name: _Budget(run, clients[name].pace().sequential_seconds, name) for name in names}
        return cls(run=run, records=_Records(bucket, due), budgets=budgets, calls_left=run.settings.repair_calls)

    def consider(self, key: Key) -> None:
        budget = self.budgets[key[1]]
        if budget.is_spent or self._is_left_for_later(key):
            return
        record = self.records.of(key)
        windows = budget.planner.for_repair(record) if record else []
        if windows:
            self._take(key, windows, budget, is_closing=record is not None and not record.is_closed)
        else:
            self.unproved.setdefault(key[1], []).append(key)

    def _is_left_for_later(self, key: Key) -> bool:
        """Tell whether the calls are used up and the day is too old for a closing look: its record need not be read."""
        return self.calls_left <= 0 and key[2] < self.run.now_ms - CLOSING_TIME_MS

    def _take(self, key: Key, windows: Sequence[Window], budget: "_Budget", *, is_closing: bool) -> None:
        """Add the windows if calls are left; closing looks do not count."""
        if not is_closing and self.calls_left <= 0:
            return
        calls = budget.calls(windows)
        self.calls_left -= 0 if is_closing else calls
        budget.take(calls)
        self.windows.setdefault(key[1], {}).setdefault(key[0], []).extend(windows)


def _retry_given_up(run: Run, bucket: InfluxBucket, client: RedisClient) -> None:
    """Make given-up stretches of the run's symbols (or of all) due again; a retry of the task finds nothing to do."""
    pairs = {parse_symbol(ticker).currency_pair for ticker in run.symbols} or None
    keeper, exchanges = record_keeper(run.settings, bucket, client), run.settings.exchange_ids
    count = retry_unobtainable(bucket, keeper, run.now_ms, pairs, exchanges)
    logger.info("Repair: retrying %s with unobtainable minutes", counted(count, "day record"))


def _fail_vanished(
    run: Run,
    bucket: InfluxBucket,
    client: RedisClient,
    due: Sequence[Key],
    vanished: Mapping[str, Mapping[str, str]],
) -> None:
    records, keeper = _Records(bucket, due), record_keeper(run.settings, bucket, client)
    for exchange, reasons in vanished.items():
        planner = RequestPlanner.of(run, exchange)
        looks: dict[str, list[Look]] = {}
        for key in due:
            record = records.of(key) if key[1] == exchange and key[0] in reasons else None
            for window in planner.for_repair(record) if record else []:
                look = failed_look(run, window, reasons[key[0]], closing_part(window, run.now_ms, planner.rule))
                looks.setdefault(key[0], []).append(look)
        with log_unreadable():
            keeper.apply(exchange, looks)


def fair_order(keys: Sequence[Key]) -> Iterator[Key]:
    """Yield the newest day of each exchange and pair in turn, then the second newest of each, and so on."""
    queues: dict[tuple[str, str], list[Key]] = {}
    for key in sorted(keys, key=lambda key: -key[2]):
        queues.setdefault((key[1], key[0]), []).append(key)
    by_exchange: dict[str, list[list[Key]]] = {}
    for (exchange, _), queue in queues.items():
        by_exchange.setdefault(exchange, []).append(queue)
    turns = [_in_turn(queues_of) for queues_of in by_exchange.values()]
    yield from _in_turn(turns)


def _in_turn(queues: Sequence[list[Key]]) -> list[Key]:
    rounds = itertools.zip_longest(*queues)
    return [key for one in rounds for key in one if key is not None]


@dataclass
class _Budget:
    """The time that this run may still spend on one exchange; windows that begin within it may exceed it."""

    run: Run
    call_seconds: float
    exchange: str
    taken_seconds: float = 0.0
    planner: RequestPlanner = field(init=False)

    def __post_init__(self) -> None:
        self.planner = RequestPlanner.of(self.run, self.exchange)

    @property
    def is_spent(self) -> bool:
        return self.taken_seconds >= MAX_SECONDS

    def calls(self, windows: Sequence[Window]) -> int:
        return self.planner.calls(windows) + sum(map(self._trade_calls, windows))

    def _trade_calls(self, window: Window) -> int:
        """Return roughly how many trade requests a window takes where candles are no longer served."""
        old = self.planner.served_as_trades(window)
        return -(-(old.end_ms - old.start_ms) * TRADE_CALLS_A_DAY // DAY_MS)

    def take(self, calls: int) -> None:
        self.taken_seconds += calls * self.call_seconds


class _Records:
    """Reads records on demand: all due pairs of an exchange and day at once, when the first is needed."""

    def __init__(self, bucket: InfluxBucket, keys: Sequence[Key]) -> None:
        self._store = DayRecords(bucket)
        self._pairs: dict[tuple[str, int], set[str]] = {}
        for pair, exchange, day_ms in keys:
            self._pairs.setdefault((exchange, day_ms), set()).add(pair)
        self._known: dict[tuple[str, int], dict[Key, DayRecord]] = {}

    def of(self, key: Key) -> DayRecord | None:
        exchange, day_ms = key[1], key[2]
        if (exchange, day_ms) not in self._known:
            day = Window(day_ms, day_ms + DAY_MS)
            found, unreadable = self._store.read_readable(day, self._pairs[exchange, day_ms], exchange)
            for error in unreadable.values():
                logger.error("%s", error)
            self._known[exchange, day_ms] = found
        return self._known[exchange, day_ms].get(key)


def _settle(run: Run, bucket: InfluxBucket, client: RedisClient, keys: Mapping[str, Sequence[Key]]) -> None:
    """Prove silences where that is possible, and correct index entries for which nothing was due."""
    keeper, index = record_keeper(run.settings, bucket, client), WorkIndex(client, bucket)
    for exchange, own in keys.items():
        with log_unreadable():
            keeper.prove(exchange, own)
        index.note_due(keeper.due_ms(exchange, own, run.now_ms))


def _batch(exchange: str, windows: Mapping[str, Sequence[Window]], markets: Mapping[str, Market]) -> FetchBatch:
    return FetchBatch(
        exchange=exchange,
        markets={pair: markets[pair]["symbol"] for pair in windows},
        windows={pair: tuple(sorted(own)) for pair, own in windows.items()},
    )
