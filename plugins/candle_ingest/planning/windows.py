"""The window of each symbol: the interval of a backfill, or what has come since the watermark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from candle_ingest.candles.dates import SKIP
from candle_ingest.candles.symbol import Symbol
from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.ledger.watermarks import Watermarks, backfill_key, catch_up_key
from candle_ingest.planning.run import BACKFILL, Run


@dataclass(frozen=True, slots=True)
class SymbolWindow:
    """What is fetched for a symbol; the candles before `reread_before_ms` are asked for again."""

    window: Window
    reread_before_ms: int


def plan_windows(run: Run, symbols: Sequence[Symbol], watermarks: Watermarks | None) -> dict[str, SymbolWindow]:
    """The windows by ticker, all of them closed by the clock. A window is empty where all is there.

    `watermarks` is None where there is no bucket yet.
    """
    if run.kind == BACKFILL:
        window = run.backfill_window()
        return {symbol.ticker: _fixed(run, window) for symbol in symbols}
    if run.start_ms is not None:
        window = run.closed_window(run.start_ms)
        return {symbol.ticker: _fixed(run, window) for symbol in symbols}
    keys = [key for s in symbols for key in (catch_up_key(s.ticker), backfill_key(s.ticker))]
    known = watermarks.read(keys) if watermarks else {}
    return {symbol.ticker: _since_watermark(run, symbol.ticker, known) for symbol in symbols}


def _fixed(run: Run, window: Window) -> SymbolWindow:
    return SymbolWindow(window, window.end_ms if run.refetch else window.start_ms)


def _since_watermark(run: Run, ticker: str, known: Mapping[str, int]) -> SymbolWindow:
    """From the watermark on, with the last few candles before it once more, so that corrections land."""
    end_ms = min(run.wanted_end_ms, run.closed_ms)
    watermark_ms = _watermark_ms(run, ticker, known)
    if watermark_ms is None:
        return _fixed(run, Window(min(_initial_ms(run), end_ms), end_ms))
    next_ms = watermark_ms + run.bar_ms
    start_ms = max(0, next_ms - run.settings.reread_candles * run.bar_ms)
    if next_ms >= end_ms:
        return _fixed(run, Window(end_ms, end_ms))
    return SymbolWindow(Window(start_ms, end_ms), end_ms if run.refetch else next_ms)


def _watermark_ms(run: Run, ticker: str, known: Mapping[str, int]) -> int | None:
    """Catch-up's own watermark, else backfill's.

    While backfill still works through the past, its watermark is not used beyond `catch_up_initial_days`:
    catch-up would fetch the whole history a second time.
    """
    own = known.get(catch_up_key(ticker))
    if own is not None:
        return own
    of_backfill = known.get(backfill_key(ticker))
    if of_backfill is None or run.settings.backfill_start_date == SKIP:
        return of_backfill
    return of_backfill if of_backfill >= _initial_ms(run) else None


def _initial_ms(run: Run) -> int:
    return floor_ms(run.wanted_end_ms - run.settings.catch_up_initial_days * DAY_MS, run.bar_ms)
