"""Step 3: fetch the candles of one exchange, for one symbol or several."""

import logging
import time
from collections.abc import Sequence

from candle_ingest.candles.window import Window
from candle_ingest.connections import RedisClient, connect_influxdb, connect_redis, exchange_connection
from candle_ingest.errors import CandleIngestError, PermanentError
from candle_ingest.errors.ledger import MarketUnknownError, UnreadableRecordError
from candle_ingest.errors.runs import FetchesDelayedError, FetchesFailedError
from candle_ingest.exchanges.answers import Market
from candle_ingest.exchanges.candle_pages import candle_pages
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.market_cache import MarketCache
from candle_ingest.fetching.answer_writer import AnswerWriter
from candle_ingest.fetching.dry_fetch import fetch_dry
from candle_ingest.fetching.fetch_summary import Summary, batch_key, log_summary
from candle_ingest.fetching.listing_check import note_time_before_listing
from candle_ingest.fetching.pair_answer import PairAnswer
from candle_ingest.ledger.day_record import DayRecord
from candle_ingest.ledger.day_records import DayRecords, Unreadable
from candle_ingest.ledger.pinned_markets import PinnedMarkets
from candle_ingest.planning.catch_up_start import CatchUpStart
from candle_ingest.planning.fetch_batch import FetchBatch
from candle_ingest.planning.record_keeping import record_keeper
from candle_ingest.planning.request_planner import Days, RequestPlanner, days_by_pair
from candle_ingest.planning.run import Run
from candle_ingest.plurals import counted
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore

logger = logging.getLogger(__name__)
MS_PER_S = 1_000


def fetch_candles(run: Run, batch: FetchBatch) -> Summary:
    """Fetch what is missing, write it, and return a short summary.

    A symbol that fails does not stop the others in the batch. At the end, one error is raised that names the symbols
    that failed. A retry requests only what is still missing.
    """
    connection, delay_seconds = exchange_connection(batch.exchange), run.settings.api_call_delay_seconds
    if run.dry:
        return fetch_dry(run, ExchangeClient(connection, delay_seconds=delay_seconds), batch)
    with connect_redis() as client, InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket) as bucket:
        exchange = ExchangeClient(
            connection, delay_seconds=delay_seconds, redis_client=client, urgent=run.kind.is_urgent
        )
        return BatchFetch(run, batch, exchange, bucket, client).fetch()


class BatchFetch:
    """Fetches one batch of a run."""

    def __init__(
        self, run: Run, batch: FetchBatch, exchange: ExchangeClient, bucket: InfluxBucket, client: RedisClient
    ) -> None:
        self._run = run
        self._batch = batch
        self._exchange = exchange
        self._bucket = bucket
        self._client = client
        self._store = CandleStore(bucket)
        self._planner = RequestPlanner.of(run, batch.exchange)
        self._first_ms = CatchUpStart(run, bucket, batch.first_ms).on(batch.exchange)
        pins = PinnedMarkets(bucket, client)
        self._writer = AnswerWriter(run, batch.exchange, bucket, record_keeper(run.settings, bucket, client), pins)

    def fetch(self) -> Summary:
        """Fetch each pair and return the summary.

        Raises TemporaryError or PermanentError if a pair failed; everything else is written before.
        """
        (known, unreadable), markets = self._known_days(), self._markets()
        answers = [self._answer(pair, self._batch.markets[pair], [], error) for pair, error in unreadable.items()]
        try:
            for pair, symbol in self._batch.markets.items():
                if pair in unreadable:
                    continue
                days = known.get(pair, {})
                if wanted := self._windows(pair, days):
                    answer = self._ask(pair, symbol, wanted, days, markets.get(symbol))
                    self._writer.add(answer, days)
                    answers.append(answer)
        finally:
            self._writer.flush()
        summary = self._summary(answers)
        log_summary(self._batch, summary)
        _raise_first(answers, self._batch.exchange)
        return summary

    def _answer(
        self, pair: str, symbol: str, wanted: list[Window], unreadable: UnreadableRecordError | None = None
    ) -> PairAnswer:
        return PairAnswer(pair, symbol, wanted, self._run.now_ms, self._run.timeframe.ms, unreadable=unreadable)

    def _known_days(self) -> tuple[dict[str, dict[int, DayRecord]], Unreadable]:
        """Return the records by pair and day, and the errors of pairs with unreadable ones."""
        if not self._batch.windows:
            span = self._planner.span_to_read()
        else:
            windows = [w for own in self._batch.windows.values() for w in own]
            span = Window(min(w.start_ms for w in windows), max(w.end_ms for w in windows))
        pairs = set(self._batch.markets)
        records, unreadable = DayRecords(self._bucket).read_readable(span, pairs, self._batch.exchange)
        for error in unreadable.values():
            logger.error("%s", error)
        return days_by_pair(records), unreadable

    def _windows(self, pair: str, days: Days) -> list[Window]:
        if self._batch.windows:
            return list(self._batch.windows.get(pair, ()))
        return self._planner.windows(pair, days, self._first_ms)

    def _markets(self) -> dict[str, Market]:
        """Return the markets by symbol, from the cache."""
        symbols = set(self._batch.markets.values())
        cache = MarketCache(self._client)
        return cache.markets(self._exchange.connection, symbols, self._exchange.fetch_markets)

    def _ask(self, pair: str, symbol: str, wanted: list[Window], days: Days, market: Market | None) -> PairAnswer:
        """Return the exchange's answer; a failure is in its `error`."""
        answer = self._answer(pair, symbol, wanted)
        began, calls_before = time.monotonic(), self._exchange.request_count
        try:
            if market is None:
                raise MarketUnknownError(f"{pair} @ {self._exchange.exchange}: {symbol} is not in its list of markets")
            for page in candle_pages(self._exchange, market, wanted, self._run.timeframe, self._run.now_ms):
                answer.pages.append(page)
            note_time_before_listing(self._exchange, market, answer, days, self._store)
        except CandleIngestError as error:
            logger.error("%s", error)
            answer.error = error
        answer.source = "trades" if any(map(self._planner.served_as_trades, wanted)) else "api"
        answer.calls = self._exchange.request_count - calls_before
        answer.duration_ms = int((time.monotonic() - began) * MS_PER_S)
        return answer

    def _summary(self, answers: Sequence[PairAnswer]) -> Summary:
        asked = sum(window.slots(a.slot_ms) for a in answers for window in a.wanted)
        return {
            "batch": batch_key(self._batch),
            "symbols": len(self._batch.markets),
            "asked": asked,
            "candles": sum(len(answer.candles) for answer in answers),
            "requests": sum(answer.calls for answer in answers),
        }


def _raise_first(answers: Sequence[PairAnswer], exchange: str) -> None:
    """Raise one error for the batch: a temporary one if a retry can help any of its symbols."""
    failed = [(answer, reason) for answer in answers if (reason := _failure(answer))]
    if not failed:
        return
    errors = [answer.error or answer.unreadable for answer, _ in failed]
    is_permanent = all(isinstance(error, PermanentError) for error in errors)
    lines = [f"{answer.currency_pair} @ {exchange}: {reason}" for answer, reason in failed]
    if len(failed) == 1 and errors[0] is not None:
        raise errors[0]
    raise (FetchesFailedError if is_permanent else FetchesDelayedError)("\n".join(lines))


def _failure(answer: PairAnswer) -> str:
    failed = answer.failed()
    if not failed:
        return str(answer.unreadable) if answer.unreadable else ""
    first = "the first one " if len(failed) > 1 else ""
    return f"{counted(len(failed), 'window')} failed, {first}{failed[0].window}: {failed[0].reason}"
