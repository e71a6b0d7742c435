"""Say why candles were not requested yet, and when they will be."""

from datetime import UTC, datetime

from croniter import croniter

from candle_ingest.candles.dates import SKIP
from candle_ingest.candles.window import DAY_MS, Window, format_ms
from candle_ingest.reports.freshness import history_window
from candle_ingest.settings import PipelineSettings


def when_asked(settings: PipelineSettings, window: Window, now_ms: int) -> str:
    """Return, in one or two sentences, why nothing of `window` was requested yet, and when it will be."""
    run_ms = _first_catch_up_ms(settings, window.end_ms)
    if run_ms > now_ms:
        return f"{_place(window, now_ms)}: {settings.catch_up_dag_id} requests it at {format_ms(run_ms)}."
    if window.end_ms <= (start_ms := history_start_ms(settings, now_ms)):
        return (
            f"It is before the history, which begins at {format_ms(start_ms)} (backfill_start_date is "
            f"{settings.backfill_start_date}): no run requests it by itself. To get it, trigger "
            f"{settings.backfill_dag_id} with start and end."
        )
    if window.start_ms >= history_window(settings, now_ms).end_ms:
        return (
            f"{settings.catch_up_dag_id} was due to request it at {format_ms(run_ms)}: it is late, paused, or still "
            f"running. `candle-ingest status` shows how late it is."
        )
    return f"It is part of the history, and {settings.backfill_dag_id} has not reached it yet."


def _place(window: Window, now_ms: int) -> str:
    if window.start_ms > now_ms:
        return "It is still to come"
    return "It has not ended yet" if window.end_ms > now_ms else "It has only just ended"


def _first_catch_up_ms(settings: PipelineSettings, end_ms: int) -> int:
    """Return when the first run of catch-up whose data interval reaches `end_ms` begins."""
    # One ms earlier, because croniter returns only later times.
    before = datetime.fromtimestamp((end_ms - 1) / 1000, UTC)
    return int(croniter(settings.catch_up_schedule, before).get_next(float) * 1000)


def history_start_ms(settings: PipelineSettings, now_ms: int) -> int:
    """Return where the history begins; if it is skipped, the earliest time where the first catch-up can begin."""
    history = history_window(settings, now_ms)
    if settings.backfill_start_date == SKIP:
        return history.start_ms - settings.catch_up_initial_days * DAY_MS
    return history.start_ms
