"""Distinguish "not listed yet" from "no trades" when an answer begins without candles."""

from collections.abc import Mapping

from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window, floor_ms
from candle_ingest.exchanges.answers import Market
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.first_candle import first_candle_ms
from candle_ingest.fetching.pair_answer import PairAnswer
from candle_ingest.ledger.day_record import NO_CANDLE, DayRecord
from candle_ingest.ledger.look import Found
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.store.candle_store import CandleStore

# Shorter gaps at the beginning of an answer are common and not checked.
MIN_MS = 30 * MINUTE_MS


def note_time_before_listing(
    exchange: ExchangeClient,
    market: Market,
    answer: PairAnswer,
    days: Mapping[int, DayRecord],
    store: CandleStore,
) -> None:
    """Add to the answer the part, at its beginning, in which the market was not listed yet.

    The exchange is asked only if neither the records nor the stored candles show it. If the exchange returns no candle
    at all, not even a later one, that proves nothing.
    """
    empty = _empty_beginning(answer)
    if empty is None or _has_earlier_candle(days, empty.start_ms):
        return
    if not _follows_not_listed(days, empty.start_ms):
        if store.has_candle_before(answer.currency_pair, exchange.exchange, empty.start_ms):
            return
        first_ms = first_candle_ms(exchange, market, empty.start_ms, answer.asked_at_ms)
        if first_ms is None or first_ms < empty.start_ms:
            return
    answer.not_listed.append(Found(empty, f"{exchange.exchange} has no earlier candle of {market['symbol']}"))


def _empty_beginning(answer: PairAnswer) -> Window | None:
    if not answer.wanted or not answer.pages or answer.pages[0].window.start_ms > answer.wanted[0].start_ms:
        return None
    start_ms, end_ms = answer.wanted[0].start_ms, answer.wanted[0].end_ms
    times_ms = answer.candles.open_time_ms
    for page in answer.pages:
        if page.failed_reason or page.checked.rejected_slots:
            end_ms = min(end_ms, page.window.start_ms)
    if len(times_ms):
        end_ms = min(end_ms, int(times_ms[0]))
    return Window(start_ms, end_ms) if end_ms - start_ms >= MIN_MS else None


def _has_earlier_candle(days: Mapping[int, DayRecord], before_ms: int) -> bool:
    """Tell whether an earlier candle is known, from the same day or one before."""
    for day_ms, record in days.items():
        if day_ms >= before_ms:
            continue
        slots = record.mark_array[: (before_ms - day_ms) // record.slot_ms] if before_ms - day_ms < DAY_MS else None
        marks = record.mark_array if slots is None else slots
        if bool((marks > NO_CANDLE).any()):
            return True
    return False


def _follows_not_listed(days: Mapping[int, DayRecord], start_ms: int) -> bool:
    record = days.get(floor_ms(start_ms - 1, DAY_MS))
    return record is not None and record.state_at(start_ms - 1) == MinuteState.NOT_LISTED
