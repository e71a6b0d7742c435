"""The addresses of the page's data, below the pipeline's name."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.reports.chart_bars import read_chart_bars
from candle_ingest.reports.coverage_days import last_days, read_coverage_days
from candle_ingest.reports.coverage_hours import read_coverage_hours
from candle_ingest.reports.exchange_health import read_exchange_health
from candle_ingest.reports.freshness import history_window, read_freshness
from candle_ingest.reports.minute_candles import explain_minute
from candle_ingest.settings import PipelineSettings
from candle_ingest.web import answers
from candle_ingest.web.access import Pipeline, ReadablePipelines, dag_ids
from candle_ingest.web.address import Day, Moment, Pair, Range
from candle_ingest.web.storage import Bucket, listed_symbols

router = APIRouter()


@router.get("/api/pipelines")
def pipelines(readable: ReadablePipelines) -> JSONResponse:
    """The pipelines that the user may see."""
    return _json({"pipelines": [_pipeline(settings) for settings in readable.values()]})


@router.get("/api/{pipeline}/symbols")
def symbols(settings: Pipeline) -> JSONResponse:
    """The pairs that Redis lists."""
    listed, problem = listed_symbols(settings)
    return _json({"pairs": [symbol.currency_pair for symbol in listed], "redis_problem": problem})


@router.get("/api/{pipeline}/coverage")
def coverage(settings: Pipeline, bucket: Bucket, days: Annotated[int, Query(ge=1, le=3660)] = 90) -> JSONResponse:
    """Symbols × the last `days`."""
    listed, problem = listed_symbols(settings)
    pairs, now_ms = [symbol.currency_pair for symbol in listed], _now_ms()
    found = read_coverage_days(bucket, last_days(days, now_ms), pairs)
    history = history_window(settings, now_ms)
    return _json({**answers.days_answer(found, history), "redis_problem": problem})


@router.get("/api/{pipeline}/day")
def day(settings: Pipeline, bucket: Bucket, symbol: Pair, day: Day) -> JSONResponse:
    """Exchanges × hours of one day, and the reason for each hole."""
    found = read_coverage_hours(bucket, symbol, day, settings.timeframe, settings.exchange_ids)
    return _json({"symbol": symbol, "day_ms": day.start_ms, **answers.hours_answer(found)})


@router.get("/api/{pipeline}/chart")
def chart(settings: Pipeline, bucket: Bucket, symbol: Pair, window: Range) -> JSONResponse:
    """Bars of a range."""
    found = read_chart_bars(bucket, symbol, window, settings.timeframe)
    return _json({"symbol": symbol, "bar_ms": settings.timeframe.ms, **answers.bars_answer(found)})


@router.get("/api/{pipeline}/explain")
def explain(settings: Pipeline, bucket: Bucket, symbol: Pair, time_ms: Moment) -> JSONResponse:
    """One candle, exchange by exchange."""
    found, records = explain_minute(
        bucket, symbol, time_ms, settings.timeframe, settings.exchange_ids, settings.high_low
    )
    return _json({"symbol": symbol, "high_low": settings.high_low, **answers.explanation_answer(found, records)})


@router.get("/api/{pipeline}/exchanges")
def exchanges(settings: Pipeline, bucket: Bucket, hours: Annotated[int, Query(ge=1, le=168)] = 6) -> JSONResponse:
    """How the exchanges answered in the last `hours`."""
    now_ms = _now_ms()
    window = Window(now_ms - hours * 60 * MINUTE_MS, now_ms + 1)
    found = read_exchange_health(bucket, window, settings.exchange_ids)
    return _json({"now_ms": now_ms, "hours": hours, **answers.health_answer(found)})


@router.get("/api/{pipeline}/freshness")
def freshness(settings: Pipeline, bucket: Bucket) -> JSONResponse:
    """How late each symbol is."""
    now_ms = _now_ms()
    listed, problem = listed_symbols(settings)
    return _json(answers.freshness_answer(read_freshness(bucket, settings, listed, now_ms), now_ms, problem))


def _pipeline(settings: PipelineSettings) -> dict[str, Any]:
    return {
        "name": settings.name,
        "dag_ids": dag_ids(settings),
        "bucket": settings.influxdb_bucket,
        "exchanges": settings.exchange_ids,
        "bar_ms": settings.timeframe.ms,
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _json(content: dict[str, Any]) -> JSONResponse:
    """Without FastAPI's own encoder, which takes a second for what a year of a hundred symbols has."""
    return JSONResponse(content, headers={"Cache-Control": "no-store"})
