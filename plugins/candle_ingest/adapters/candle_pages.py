"""The candles of a market, page by page, as one exchange serves them."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from candle_ingest.adapters.ccxt_exchange import CcxtExchange, Market
from candle_ingest.adapters.exchange_errors import ExchangeTemporaryError
from candle_ingest.adapters.trade_pages import trade_pages
from candle_ingest.core.candles import CheckedPage, check_rows
from candle_ingest.core.timeframe import bar_ms, timeframe_name
from candle_ingest.core.window import Window, floor_ms, split_rows
from candle_ingest.errors import PermanentError

logger = logging.getLogger(__name__)


class RejectedRowsError(ExchangeTemporaryError):
    """Some rows of an answer cannot be trusted; `page` holds the others."""

    def __init__(self, message: str, page: CheckedPage) -> None:
        super().__init__(message)
        self.page = page


@dataclass(frozen=True, slots=True)
class Page:
    """The checked answer for one window."""

    window: Window
    checked: CheckedPage


def candle_pages(
    exchange: CcxtExchange, market: Market, windows: list[Window], granularity_minutes: int, now_ms: int
) -> Iterator[Page]:
    """The pages of all windows, in order of time; each is one request, or more where trades are needed.

    `now_ms` decides which candles an exchange with a short history still serves: older ones are built
    from trades. Raises TemporaryError or PermanentError at the first page that fails.
    """
    exchange.use_market(market)
    bar = bar_ms(granularity_minutes)
    for window in windows:
        old, recent = _by_age(exchange, window, bar, now_ms)
        for part, candles in trade_pages(exchange, market, old, bar):
            yield Page(part, CheckedPage(candles))
        for part in split_rows(recent, bar, exchange.facts.rows_per_request):
            yield _candle_page(exchange, market, part, granularity_minutes)


def _by_age(exchange: CcxtExchange, window: Window, bar: int, now_ms: int) -> tuple[Window, Window]:
    """The part that only trades can give, and the part that is served as candles; either may be empty."""
    history_rows = exchange.facts.history_rows
    if history_rows is None:
        return Window(window.start_ms, window.start_ms), window
    # One bar of margin: the clock moves on while requests are made.
    oldest_ms = floor_ms(now_ms, bar) - (history_rows - 1) * bar
    border_ms = min(max(oldest_ms, window.start_ms), window.end_ms)
    old = Window(window.start_ms, border_ms)
    if old and exchange.facts.trades_per_request is None:
        raise PermanentError(f"{exchange.exchange} serves only its last {history_rows} candles; {old} is older")
    return old, Window(border_ms, window.end_ms)


def _candle_page(exchange: CcxtExchange, market: Market, window: Window, granularity_minutes: int) -> Page:
    bar, timeframe, facts = bar_ms(granularity_minutes), timeframe_name(granularity_minutes), exchange.facts
    asked = f"{market['symbol']} {timeframe} candles of {window}"
    params = {"until": window.end_ms + (facts.spare_rows - 1) * bar} if facts.takes_until else {}
    limit = window.slots(bar) + facts.spare_rows

    def ask() -> CheckedPage:
        rows = exchange.api.fetch_ohlcv(market["symbol"], timeframe, since=window.start_ms, limit=limit, params=params)
        exchange.answer_is_rows(asked)
        page = check_rows(rows, window, bar)
        if fault := _fault(exchange, page, rows, window, bar):
            raise ExchangeTemporaryError(f"{exchange.exchange}, {asked}: the answer has {fault}")
        if page.outside_count > facts.spare_rows and not facts.returns_whole_history:
            logger.warning("%s, %s: %d rows of other times are dropped", exchange.exchange, asked, page.outside_count)
        if page.rejected:
            raise RejectedRowsError(f"{exchange.exchange}, {asked}: {page.rejected_in_words}", page)
        return page

    try:
        return Page(window, exchange.request(asked, ask))
    except RejectedRowsError as error:
        # Asked often enough: the sound rows are kept, the others stay open.
        return Page(window, error.page)


def _fault(exchange: CcxtExchange, page: CheckedPage, rows: list[Any], window: Window, bar: int) -> str | None:
    """Why the answer does not tell which minutes nobody traded; None where it does."""
    if page.unplaced_count:
        return f"{page.unplaced_count} rows whose time is not on the candle grid"
    if exchange.facts.returns_whole_history:
        # A market with fewer candles than the exchange keeps is younger than the window.
        cut_off = len(rows) >= (exchange.facts.history_rows or 0) and rows[0][0] > window.start_ms
        if not rows or cut_off or rows[-1][0] < window.end_ms - bar:
            return "candles that do not reach over the window"
    elif page.outside_count == len(rows) > exchange.facts.spare_rows:
        return "only candles of other times"
    return None
