"""A fetch that writes: candles, ledger, and a record of itself."""

import logging
import time
from collections.abc import Sequence

from candle_ingest.candles.row_checks import Page
from candle_ingest.candles.window import Window, subtract, union
from candle_ingest.errors import CandleIngestError, PermanentError, TemporaryError
from candle_ingest.exchanges.candle_pages import candle_pages
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.fetching.fetch_summary import Summary, fetch_summary, log_summary
from candle_ingest.fetching.listing_check import time_before_listing
from candle_ingest.fetching.page_writer import PageWriter
from candle_ingest.ledger.coverage import FAILED, Entry, settled_windows
from candle_ingest.ledger.coverage_ledger import CoverageLedger
from candle_ingest.ledger.fetch_attempts import FetchAttempt, record_attempt
from candle_ingest.planning.fetch_request import FetchRequest
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore

logger = logging.getLogger(__name__)


class WetFetch:
    """One request of a run: fetches what is missing and writes it."""

    def __init__(self, run: Run, exchange: ExchangeClient, request: FetchRequest, bucket: InfluxBucket) -> None:
        self._run = run
        self._exchange = exchange
        self._request = request
        self._bucket = bucket
        self._ledger = CoverageLedger(bucket, run.bar_ms, run.recorder)
        self._failed: list[Page] = []
        self._writer = PageWriter(CandleStore(bucket), self._ledger, request, run.bar_ms, exchange)

    def fetch(self) -> Summary:
        """Fetch, write and return the summary. Raises TemporaryError or PermanentError; what came before stays."""
        known = self._known()
        wanted = union([*subtract(self._request.window, settled_windows(known)), self._request.reread])
        began_ms, calls_before = time.monotonic_ns() // 1_000_000, self._exchange.request_count
        try:
            self._fetch(wanted, known)
        except CandleIngestError as error:
            self._ledger.record_open(self._request.currency_pair, self._request.exchange, wanted, FAILED, str(error))
            self._record(wanted, calls_before, began_ms, str(error))
            raise
        self._record(wanted, calls_before, began_ms)
        calls = self._exchange.request_count - calls_before
        summary = fetch_summary(self._request, wanted, self._run.bar_ms, self._writer.candle_count, calls)
        log_summary(self._request, summary)
        return summary

    def _known(self) -> list[Entry]:
        """The ledger of this market, with what lies just before the window."""
        request = self._request
        around = Window(max(0, request.start_ms - 1), request.end_ms)
        return self._ledger.entries(around, request.currency_pair, request.exchange)

    def _fetch(self, wanted: list[Window], known: Sequence[Entry]) -> None:
        run, request = self._run, self._request
        granularity_minutes = run.settings.candle_granularity_minutes
        with self._writer:
            for page in candle_pages(self._exchange, request.market, wanted, granularity_minutes, run.now_ms):
                if page.failed_reason:
                    self._failed.append(page)
                else:
                    self._writer.add(page)
        self._raise_for_failed()
        self._raise_for_rejected()
        self._settle(wanted, known)
        self._note_listing(wanted, known)

    def _settle(self, wanted: list[Window], known: Sequence[Entry]) -> None:
        """Suspicions that were asked about again: whatever the answer was, it counts."""
        traded_ms = self._writer.traded_ms
        for entry in known:
            if entry.is_suspicion and any(window.covers(entry.window) for window in wanted):
                self._ledger.settle_suspicion(entry, traded_ms)

    def _note_listing(self, wanted: list[Window], known: Sequence[Entry]) -> None:
        """Record the time before the market's first candle, where the request begins before it."""
        request, first_ms = self._request, self._writer.first_ms
        if not wanted or wanted[0].start_ms != request.start_ms:
            return
        empty = Window(request.start_ms, wanted[0].end_ms if first_ms is None else max(first_ms, request.start_ms))
        store = CandleStore(self._bucket)
        before = time_before_listing(self._exchange, request, empty, known, store, self._run.now_ms)
        if before is not None:
            logger.info("%s: not yet listed in %s", request, before)
            reason = f"{request.exchange} has no earlier candle of {request.market['symbol']}"
            self._ledger.record_not_listed(request.currency_pair, request.exchange, before, reason)

    def _raise_for_failed(self) -> None:
        if not self._failed:
            return
        first, count = self._failed[0], len(self._failed)
        kind = PermanentError if all(page.unobtainable for page in self._failed) else TemporaryError
        raise kind(f"{self._request}: {count} windows failed, the first one {first.window}: {first.failed_reason}")

    def _raise_for_rejected(self) -> None:
        rejected = self._writer.rejected
        if rejected:
            first, reason = min(rejected.items())
            raise TemporaryError(
                f"{self._request}: {len(rejected)} candles cannot be trusted, the first one at {first}: {reason}; "
                "they are left out, all others are stored"
            )

    def _record(self, wanted: list[Window], calls_before: int, began_ms: int, reason: str = "") -> None:
        bar_ms = self._run.bar_ms
        attempt = FetchAttempt(
            currency_pair=self._request.currency_pair,
            exchange=self._request.exchange,
            window=self._request.window,
            expected=self._request.window.slots(bar_ms),
            asked=sum(window.slots(bar_ms) for window in wanted),
            candles=self._writer.candle_count,
            calls=self._exchange.request_count - calls_before,
            duration_ms=time.monotonic_ns() // 1_000_000 - began_ms,
            try_number=self._run.try_number,
            reason=reason,
        )
        record_attempt(self._bucket, attempt, self._run.recorder)
