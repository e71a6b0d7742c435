"""Check a response for candles: decide what to keep, and whether to request it again."""

from dataclasses import replace

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.row_checks import CheckedPage, check_rows
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window, format_ms
from candle_ingest.exchanges.answers import RowsAnswer
from candle_ingest.exchanges.error_mapping import ExchangeTemporaryError, UnconfirmedAnswerError
from candle_ingest.exchanges.profiles import ExchangeProfile, Quiet
from candle_ingest.plurals import counted

# This many bad rows, if they outnumber the sound ones, are not isolated mistakes.
FEW_ROWS = 3
# The fewest candles for which an empty page of an active market means an outage.
MIN_EMPTY_SLOTS = 30
UNFINISHED = "unfinished, according to the exchange"


class RejectedRowsError(ExchangeTemporaryError):
    """Some rows of the response cannot be trusted; `page` holds the others."""

    name = "answer-rows-rejected"
    cause = "The exchange answered with candles that are impossible: a price of 0, a high below the low."
    cure = "The request is retried. After five such answers the sound rows are stored, and the others stay open."
    example = "kraken, BTC/USD 1m candles of [2026-11-20T12:00Z, 2026-11-20T13:00Z): 1 × price not positive"

    def __init__(self, message: str, page: CheckedPage | None = None) -> None:
        super().__init__(message)
        self.page = page or CheckedPage(Candles.from_rows([]))


class PageCheck:
    """Checks the responses to one request for candles; calling it returns the candles of the window.

    Raises RejectedRowsError, with the sound rows, if single rows cannot be trusted, and ExchangeTemporaryError if the
    response does not show which candles exist. A response that lacks expected candles is requested once more before it
    counts.
    """

    def __init__(self, request: str, window: Window, timeframe: Timeframe, profile: ExchangeProfile) -> None:
        self._request = request
        self._window = window
        self._timeframe = timeframe
        self._profile = profile
        self._was_in_doubt = False

    def __call__(self, answer: RowsAnswer) -> CheckedPage:
        """Check the response of one attempt."""
        check_made_after(answer.made_ms, self._request, self._window.end_ms)
        last_counts = self._profile.last_row_counts
        page = check_rows(answer.rows, self._window, self._timeframe, extras=answer.extras, last_counts=last_counts)
        page = self._with_missing(page.without(answer.unfinished_ms, UNFINISHED))
        if fault := _fault(page, answer, self._window, self._timeframe, self._profile):
            raise ExchangeTemporaryError(f"{self._request}: the answer has {fault}")
        if page.rejected:
            raise RejectedRowsError(f"{self._request}: {page.rejected_in_words}", page)
        self._request_again_if_in_doubt(page)
        return page

    def _with_missing(self, page: CheckedPage) -> CheckedPage:
        """Add the missing slots if the exchange sends flat candles for quiet minutes: outages, or not listed yet."""
        if self._profile.quiet is not Quiet.FLAT or len(page.candles) == self._timeframe.slots(self._window):
            return page
        return replace(page, missing_slots=page.lacking(self._window, self._timeframe) - page.rejected_slots)

    def _request_again_if_in_doubt(self, page: CheckedPage) -> None:
        """Raise UnconfirmedAnswerError once if the response may lack candles.

        One in five responses of Coinbase Exchange was `[]` for a range with candles (coinbase-pro-node #348). Short
        empty pages are believed: if the exchange leaves out quiet minutes, they are common, and a thin market would be
        requested twice each time. Later looks, and the closing look of the day, request the same minutes again anyway.
        """
        is_empty = not len(page.candles) and self._timeframe.slots(self._window) >= MIN_EMPTY_SLOTS
        lacks_rows = self._profile.may_lack_rows and page.missing_slots
        if self._was_in_doubt or not (is_empty or lacks_rows):
            return
        self._was_in_doubt = True
        lack = f"lacks {counted(len(page.missing_slots), 'candle')}" if len(page.candles) else "is empty"
        raise UnconfirmedAnswerError(f"{self._request}: the answer {lack}")


def check_made_after(made_ms: int | None, request: str, end_ms: int) -> None:
    """Raise ExchangeTemporaryError if, by the exchange's own clock, `end_ms` was still to come.

    If this machine's clock is ahead, the candle in progress would count as closed, and future minutes as quiet. A
    cached response may also be that old.
    """
    if made_ms is not None and made_ms < end_ms:
        raise ExchangeTemporaryError(
            f"{request}: the answer was made at {format_ms(made_ms)} by the exchange's clock, when {format_ms(end_ms)} "
            "was still to come: synchronise this machine's clock (NTP), unless the answer came from a cache"
        )


def _fault(
    page: CheckedPage, answer: RowsAnswer, window: Window, timeframe: Timeframe, profile: ExchangeProfile
) -> str | None:
    """Return why the response does not show which minutes are without trades; None if it does."""
    doubtful, rows = page.rejected.total(), answer.rows
    if doubtful >= FEW_ROWS and 2 * doubtful > len(rows):
        # If kucoin's times have more digits, ccxt misreads its columns, and some rows then look sound.
        share = f"{doubtful} of {len(rows)}"
        return f"too many rows that cannot be trusted, {share} ({page.rejected_in_words}), so none is used"
    return profile.policy.fault(page, rows, window, timeframe, profile.spare_rows)
