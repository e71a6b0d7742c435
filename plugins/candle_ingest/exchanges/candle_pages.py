"""The candles of a market, page by page, as one exchange serves them."""

import logging
from collections.abc import Iterator
from typing import Any

from candle_ingest.candles.candles import CheckedPage, Page, check_rows
from candle_ingest.candles.resampling import resampled_pages
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window, split_rows
from candle_ingest.errors import PermanentError
from candle_ingest.exchanges.client import ExchangeClient, Market
from candle_ingest.exchanges.concurrency import side_by_side
from candle_ingest.exchanges.error_mapping import ExchangeTemporaryError
from candle_ingest.exchanges.history import split_by_age
from candle_ingest.exchanges.page_checks import is_shifted
from candle_ingest.exchanges.trade_pages import trade_pages

logger = logging.getLogger(__name__)
# So many rows that cannot be trusted, and more than sound ones, are not single mistakes.
FEW_ROWS = 3


class RejectedRowsError(ExchangeTemporaryError):
    """Some rows of an answer cannot be trusted; `page` holds the others."""

    def __init__(self, message: str, page: CheckedPage) -> None:
        super().__init__(message)
        self.page = page


def candle_pages(
    exchange: ExchangeClient, market: Market, windows: list[Window], granularity_minutes: int, now_ms: int
) -> Iterator[Page]:
    """The pages of all windows, in order of time; each is one request, or more where trades are needed.

    `now_ms` decides which candles an exchange with a short history still serves: older ones are built
    from trades. Raises TemporaryError or PermanentError at the first page that fails.
    """
    exchange.use_market(market)
    timeframe = Timeframe(granularity_minutes)
    source_minutes = exchange.source_minutes(granularity_minutes)
    for window in windows:
        old, recent = split_by_age(exchange.facts, window, timeframe.ms, Timeframe(source_minutes).ms, now_ms)
        if old and exchange.facts.trades_per_request is None:
            rows = exchange.facts.history_rows
            raise PermanentError(f"{exchange.exchange} serves only its last {rows} candles; {old} is older")
        for part, candles in trade_pages(exchange, market, old, timeframe):
            yield Page(part, CheckedPage(candles))
        served = _served_pages(exchange, market, recent, source_minutes)
        yield from served if source_minutes == granularity_minutes else resampled_pages(served, timeframe)


def _served_pages(exchange: ExchangeClient, market: Market, window: Window, minutes: int) -> Iterator[Page]:
    parts = list(split_rows(window, Timeframe(minutes).ms, exchange.facts.rows_per_request))
    yield from side_by_side(exchange, market, parts, lambda free, part: _candle_page(free, market, part, minutes))


def candle_rows(exchange: ExchangeClient, market: Market, minutes: int, window: Window) -> list[Any]:
    """The rows of one request as ccxt gives them, unchecked. `exchange` knows the market already."""
    asked = _asked(market, minutes, window)
    return exchange.request(asked, lambda: _ask_rows(exchange, market, minutes, window, asked))


def _asked(market: Market, minutes: int, window: Window) -> str:
    return f"{market['symbol']} {Timeframe(minutes).ccxt_name} candles of {window}"


def _ask_rows(exchange: ExchangeClient, market: Market, minutes: int, window: Window, asked: str) -> list[Any]:
    facts, bar = exchange.facts, Timeframe(minutes).ms
    params = {"until": window.end_ms + (facts.spare_rows - 1) * bar} if facts.takes_until else {}
    limit = window.slots(bar) + facts.spare_rows
    rows: list[Any] = exchange.api.fetch_ohlcv(
        market["symbol"], Timeframe(minutes).ccxt_name, since=window.start_ms, limit=limit, params=params
    )
    exchange.answer_is_rows(asked)
    return rows


def _candle_page(exchange: ExchangeClient, market: Market, window: Window, minutes: int) -> Page:
    bar, asked = Timeframe(minutes).ms, _asked(market, minutes, window)

    def ask() -> CheckedPage:
        rows = _ask_rows(exchange, market, minutes, window, asked)
        exchange.answer_covers(asked, window.end_ms)
        page = check_rows(rows, window, Timeframe(minutes))
        if fault := _fault(exchange, page, rows, window, bar):
            raise ExchangeTemporaryError(f"{exchange.exchange}, {asked}: the answer has {fault}")
        if page.outside_count > exchange.facts.spare_rows and not exchange.facts.returns_whole_history:
            logger.warning("%s, %s: %d rows of other times are dropped", exchange.exchange, asked, page.outside_count)
        if page.rejected:
            raise RejectedRowsError(f"{exchange.exchange}, {asked}: {page.rejected_in_words}", page)
        return page

    try:
        return Page(window, exchange.request(asked, ask))
    except RejectedRowsError as error:
        # Asked often enough: the sound rows are kept, the others stay open.
        return Page(window, error.page)


def _fault(exchange: ExchangeClient, page: CheckedPage, rows: list[Any], window: Window, bar: int) -> str | None:
    """Why the answer does not tell which minutes nobody traded; None where it does."""
    if page.unplaced_count:
        return f"{page.unplaced_count} rows whose time is not on the candle grid"
    if (doubtful := page.rejected.total()) >= FEW_ROWS and 2 * doubtful > len(rows):
        # ccxt takes the columns of kucoin for others where its times have more digits: some rows then look sound.
        return f"{doubtful} of {len(rows)} rows that cannot be trusted ({page.rejected_in_words}): nor can the others"
    if exchange.facts.returns_whole_history:
        # A market with fewer candles than the exchange keeps is younger than the window.
        cut_off = len(rows) >= (exchange.facts.history_rows or 0) and rows[0][0] > window.start_ms
        if not rows or cut_off or rows[-1][0] < window.end_ms - bar:
            return "candles that do not reach over the window"
        # All that it keeps, and the candle in progress.
        return "candles of other times" if rows[-1][0] - rows[0][0] > (exchange.facts.history_rows or 0) * bar else None
    if page.outside_count == len(rows) > exchange.facts.spare_rows:
        return "only candles of other times"
    return _fault_of_other_times(exchange, page, [row[0] for row in rows], window, bar)


def _fault_of_other_times(
    exchange: ExchangeClient, page: CheckedPage, times_ms: list[int], window: Window, bar: int
) -> str | None:
    """Rows of other times may stand where rows of the window should; not where all of those are there."""
    if page.outside_count <= exchange.facts.spare_rows or len(page.candles) == window.slots(bar):
        return None
    if exchange.facts.keeps_to_window or is_shifted(times_ms, window, bar):
        return f"{page.outside_count} candles of other times"
    return None
