"""`exchanges`: show how the exchanges have answered recently."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Annotated

import typer

from candle_ingest.candles.window import HOUR_MS, Window
from candle_ingest.cli.moments import moment_in_words, now_ms
from candle_ingest.cli.options import AsJson, Pipeline, pipeline_settings
from candle_ingest.cli.output import print_json, print_table, say
from candle_ingest.cli.storage import open_bucket
from candle_ingest.connections import connect_redis
from candle_ingest.errors import CandleIngestError
from candle_ingest.reports.exchange_health import UP, ExchangeHealth, read_exchange_health
from candle_ingest.reports.exchange_pace import pace_in_words, read_exchange_paces

NUMBERS = ("fetches", "failed", "calls", "candles", "median", "95 %")


def exchanges(
    pipeline: Pipeline = "candle",
    hours: Annotated[int, typer.Option(min=1, max=8760, help="How far to look back")] = 24,
    as_json: AsJson = False,
) -> None:
    """Show fetches, durations and pace of each exchange. Exit status 1 if the last fetch of a symbol failed."""
    settings, now = pipeline_settings(pipeline), now_ms()
    with open_bucket(settings) as bucket:
        window = Window(now - hours * HOUR_MS, now + 1)
        found = read_exchange_health(bucket, window, settings.exchange_ids)
    paces, problem = _paces([health.exchange for health in found])
    if as_json:
        exchanges = [{**asdict(health), "slowdown": paces.get(health.exchange)} for health in found]
        print_json(settings, {"now_ms": now, "hours": hours, "redis_problem": problem, "exchanges": exchanges})
    else:
        _print(found, paces)
        if problem:
            say(problem, "yellow")
    if any(health.state != UP for health in found):
        raise typer.Exit(1)


def _paces(exchanges: Iterable[str]) -> tuple[dict[str, float], str]:
    """Return how much the requests to each exchange are slowed down now, or why that is not known."""
    try:
        with connect_redis() as client:
            return {pace.exchange: pace.slowdown for pace in read_exchange_paces(client, exchanges)}, ""
    except CandleIngestError as error:
        return {}, str(error)


def _print(found: list[ExchangeHealth], paces: Mapping[str, float]) -> None:
    rows = ((*_words(health, paces.get(health.exchange)), *_numbers(health)) for health in found)
    print_table(("exchange", "state", "last success", "pace"), NUMBERS, rows)
    for health in found:
        if health.last_reason:
            when = moment_in_words(health.last_failure_ms)
            reason = f"{health.exchange}, {health.last_reason_pair}, {when}: {health.last_reason}"
            say(reason)


def _words(health: ExchangeHealth, slowdown: float | None) -> tuple[str, ...]:
    pace = "-" if slowdown is None else pace_in_words(slowdown)
    return health.exchange, health.state, moment_in_words(health.last_success_ms), pace


def _numbers(health: ExchangeHealth) -> tuple[str, ...]:
    return (
        f"{health.ok + health.failed:,}", f"{health.failed:,}", f"{health.calls:,}", f"{health.candles:,}",
        _seconds(health.median_ms), _seconds(health.p95_ms),
    )  # fmt: skip


def _seconds(duration_ms: float | None) -> str:
    return "-" if duration_ms is None else f"{duration_ms / 1000:.1f} s"
