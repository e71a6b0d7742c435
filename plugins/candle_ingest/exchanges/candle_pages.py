"""Fetch the candles of a market page by page, as one exchange serves them."""

from collections.abc import Callable, Iterator
from threading import Lock

from candle_ingest.candles.resampling import resampled_pages
from candle_ingest.candles.row_checks import CheckedPage, Page
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window, split_rows
from candle_ingest.exchanges.answers import Market
from candle_ingest.exchanges.client import ExchangeClient, describe_candles
from candle_ingest.exchanges.concurrency import in_parallel
from candle_ingest.exchanges.error_mapping import ExchangeTemporaryError, ExchangeUnavailableError
from candle_ingest.exchanges.history import split_by_age
from candle_ingest.exchanges.page_checks import PageCheck, RejectedRowsError
from candle_ingest.exchanges.trade_pages import trade_pages

# After this many unanswered pages in a row, with five attempts each, the other pages are not requested.
MAX_UNANSWERED_PAGES = 3


def candle_pages(
    exchange: ExchangeClient, market: Market, windows: list[Window], timeframe: Timeframe, now_ms: int
) -> Iterator[Page]:
    """Yield the pages of all windows, in order of time; each takes one request, or more where trades are needed.

    A page without a usable response says so in `failed_reason`, and the pages after it are still fetched. `now_ms`
    decides which candles an exchange with a short history still serves: older ones are built from trades, or the page
    is unobtainable. Raises PermanentError, and ExchangeDownError and ExchangePausedError, which apply to the whole
    exchange.
    """
    source = exchange.source_of(timeframe)
    unanswered = _UnansweredPages()
    for window in windows:
        old, recent = split_by_age(exchange.profile, window, timeframe, source, now_ms)
        while old:
            yield from _old_pages(exchange, market, old, timeframe)
            # The trades of a day take minutes; by then the range of candles still served has moved on.
            now_ms = max(now_ms, exchange.clock_ms)
            old, recent = split_by_age(exchange.profile, recent, timeframe, source, now_ms)
        served = _served_pages(exchange, market, recent, source, timeframe, unanswered)
        yield from served if source == timeframe else resampled_pages(served, timeframe)


def _old_pages(exchange: ExchangeClient, market: Market, old: Window, timeframe: Timeframe) -> Iterator[Page]:
    """Yield the pages built from trades; after a failure, the rest is one failed page."""
    if exchange.profile.trades_per_request is None:
        reason = f"{exchange.exchange} serves only its last {exchange.profile.history_rows} candles; {old} is older"
        yield Page.failed(old, reason, unobtainable=True)
        return
    reached_ms = old.start_ms
    try:
        for part, candles in trade_pages(exchange, market, old, timeframe):
            reached_ms = part.end_ms
            yield Page(part, CheckedPage(candles))
    except ExchangeTemporaryError as error:
        yield Page.failed(Window(reached_ms, max(reached_ms, old.end_ms)), str(error))


def _served_pages(
    exchange: ExchangeClient,
    market: Market,
    window: Window,
    source: Timeframe,
    timeframe: Timeframe,
    unanswered: "_UnansweredPages",
) -> Iterator[Page]:
    parts = page_windows(window, source, timeframe, exchange.profile.rows_per_request)

    def ask(free: ExchangeClient, part: Window) -> Page:
        return unanswered.guarded(part, lambda: _candle_page(free, market, part, source))

    yield from in_parallel(exchange, list(parts), ask)


def page_windows(window: Window, source: Timeframe, timeframe: Timeframe, rows: int) -> Iterator[Window]:
    """Yield the windows of the requests, each of at most `rows` candles of `source`.

    A page ends on the grid of `timeframe`, so that a failed one does not spoil a candle of its neighbour. If a single
    candle takes more than one request, only its last page does.
    """
    whole_bars = max(1, rows * source.ms // timeframe.ms)
    for group in split_rows(window, timeframe.ms, whole_bars):
        yield from split_rows(group, source.ms, rows)


def _candle_page(exchange: ExchangeClient, market: Market, window: Window, source: Timeframe) -> Page:
    request = f"{exchange.exchange}, {describe_candles(market, source, window)}"
    try:
        return Page(
            window, exchange.fetch_rows(market, source, window, PageCheck(request, window, source, exchange.profile))
        )
    except RejectedRowsError as error:
        # Tried often enough: keep the sound rows, and leave the others open.
        return Page(window, error.page)


class _UnansweredPages:
    """Counts the pages in a row to which the exchange gave no response; shared by threads."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._last_reason = ""
        self._lock = Lock()

    def guarded(self, window: Window, ask: Callable[[], Page]) -> Page:
        """Return the page of `ask`, or a failed one where it raises ExchangeTemporaryError."""
        if self._in_a_row >= MAX_UNANSWERED_PAGES:
            return Page.failed(
                window, f"not asked, after {self._in_a_row} pages without an answer: {self._last_reason}"
            )
        try:
            page = ask()
        except ExchangeTemporaryError as error:
            self._note(error)
            return Page.failed(window, str(error))
        self._note(None)
        return page

    def _note(self, error: ExchangeTemporaryError | None) -> None:
        with self._lock:
            self._in_a_row = self._in_a_row + 1 if isinstance(error, ExchangeUnavailableError) else 0
            self._last_reason = str(error or "")
