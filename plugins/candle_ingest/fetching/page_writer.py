"""Writes pages of candles as they come, and records in the ledger what they answer for."""

from types import TracebackType
from typing import Self

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.row_checks import Page
from candle_ingest.candles.window import Window, subtract, union
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.ledger.coverage import REJECTED
from candle_ingest.ledger.coverage_ledger import CoverageLedger
from candle_ingest.planning.fetch_request import FetchRequest
from candle_ingest.store.candle_store import CandleStore

FLUSH_CANDLES = 10_000


class PageWriter:
    """Keeps pages until there are enough for a write. As a context manager it writes the rest, after an error too.

    Candles are written before the ledger says that they are there. `candle_count` counts
    candles inside the request, `first_ms` is the open time of the first one, `traded_ms` holds those of all
    candles with volume.
    """

    def __init__(
        self, store: CandleStore, ledger: CoverageLedger, request: FetchRequest, bar_ms: int, exchange: ExchangeClient
    ) -> None:
        self.candle_count = 0
        self.first_ms: int | None = None
        self.traded_ms: list[int] = []
        self.rejected: dict[Window, str] = {}
        self._store = store
        self._ledger = ledger
        self._request = request
        self._bar_ms = bar_ms
        self._exchange = exchange
        self._calls_before = exchange.request_count
        self._pages: list[Page] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._flush()

    def add(self, page: Page) -> None:
        """Take a page."""
        self._pages.append(page)
        candles = page.checked.candles
        # A page of trades may reach beyond what was asked for.
        self.candle_count += len(candles.between(self._request.start_ms, self._request.end_ms))
        if len(candles):
            first_ms = int(candles.open_time_ms[0])
            self.first_ms = first_ms if self.first_ms is None else min(self.first_ms, first_ms)
        self.traded_ms += candles.traded_ms().tolist()
        if sum(len(page.checked.candles) for page in self._pages) >= FLUSH_CANDLES:
            self._flush()

    def _flush(self) -> None:
        pages, self._pages = self._pages, []
        calls, self._calls_before = self._exchange.request_count - self._calls_before, self._exchange.request_count
        request = self._request
        candles = Candles.concatenate([page.checked.candles for page in pages])
        self._store.write_exchange_candles(request.currency_pair, request.exchange, request.market["symbol"], candles)
        rejected = self._rejected_windows(pages)
        for window in union(page.window for page in pages):
            for answered in subtract(window, rejected):
                self._ledger.record_answered(
                    request.currency_pair, request.exchange, request.market["symbol"], answered, candles, calls
                )
                # Counted once, though the calls of a write may have served several windows.
                calls = 0
        for window, reason in rejected.items():
            self._ledger.record_open(request.currency_pair, request.exchange, [window], REJECTED, reason)
        self.rejected |= rejected

    def _rejected_windows(self, pages: list[Page]) -> dict[Window, str]:
        return {
            Window(slot_ms, slot_ms + self._bar_ms): page.checked.rejected_in_words
            for page in pages
            for slot_ms in sorted(page.checked.rejected_slots)
        }
