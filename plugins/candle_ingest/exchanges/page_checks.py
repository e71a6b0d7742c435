"""Checks an answer for candles: what of it can be kept, or why it must be asked for again."""

import logging

from candle_ingest.candles.row_checks import CheckedPage, check_rows
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window, format_ms
from candle_ingest.exchanges.answers import RowsAnswer
from candle_ingest.exchanges.error_mapping import ExchangeTemporaryError
from candle_ingest.exchanges.profiles import ExchangeProfile

logger = logging.getLogger(__name__)
# So many rows that cannot be trusted, and more than sound ones, are not single mistakes.
FEW_ROWS = 3


class RejectedRowsError(ExchangeTemporaryError):
    """Some rows of an answer cannot be trusted; `page` holds the others."""

    name = "answer-rows-rejected"
    cause = "The exchange answered with candles that are impossible: a price of 0, a high below the low."
    cure = "The request is repeated. After five such answers the sound rows are stored, and the others stay open."
    example = "kraken, BTC/USD 1m candles of [2026-11-20T12:00Z, 2026-11-20T13:00Z): 1 × price not positive"

    def __init__(self, message: str, page: CheckedPage) -> None:
        super().__init__(message)
        self.page = page


def check_answer(
    answer: RowsAnswer, asked: str, window: Window, timeframe: Timeframe, profile: ExchangeProfile
) -> CheckedPage:
    """Return the candles of the window.

    Raises RejectedRowsError with the sound rows where single ones cannot be trusted, and ExchangeTemporaryError for
    an answer that does not tell which candles exist.
    """
    check_made_after(answer.made_ms, asked, window.end_ms)
    page = check_rows(answer.rows, window, timeframe)
    if fault := _fault(page, answer, window, timeframe, profile):
        raise ExchangeTemporaryError(f"{asked}: the answer has {fault}")
    if page.rejected:
        raise RejectedRowsError(f"{asked}: {page.rejected_in_words}", page)
    return page


def check_made_after(made_ms: int | None, asked: str, end_ms: int) -> None:
    """Raise ExchangeTemporaryError where, by the exchange's own clock, `end_ms` was still to come.

    A clock here that is ahead would take the candle in progress for closed, and minutes to come for quiet ones.
    An answer out of a cache may be that old too.
    """
    if made_ms is not None and made_ms < end_ms:
        raise ExchangeTemporaryError(
            f"{asked}: the answer was made at {format_ms(made_ms)} by the exchange's clock, when {format_ms(end_ms)} "
            "was still to come: synchronise this machine's clock (NTP), unless the answer came from a cache"
        )


def _fault(
    page: CheckedPage, answer: RowsAnswer, window: Window, timeframe: Timeframe, profile: ExchangeProfile
) -> str | None:
    """Return why the answer does not tell which minutes nobody traded; None where it does."""
    if page.unplaced_count:
        return f"{page.unplaced_count} rows whose time is not on the candle grid"
    doubtful, rows = page.rejected.total(), answer.rows
    if doubtful >= FEW_ROWS and 2 * doubtful > len(rows):
        # ccxt takes the columns of kucoin for others where its times have more digits: some rows then look sound.
        return f"{doubtful} of {len(rows)} rows that cannot be trusted ({page.rejected_in_words}): nor can the others"
    return profile.policy.fault(page, rows, window, timeframe, profile.spare_rows)
