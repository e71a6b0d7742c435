"""The routes of the page's data, below the name of the pipeline.

Each response is made in a thread of the page and cached for a minute; `Cache-Control: no-cache` requests a new one.
"""

import time
from collections.abc import Callable
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.routing import APIRoute

from candle_ingest.reports.simulated_data import is_simulated
from candle_ingest.settings import PipelineSettings
from candle_ingest.web import views
from candle_ingest.web.access import Pipeline, ReadablePipelines, dag_ids
from candle_ingest.web.address import Day, OptionalMoment, Pair, Pairs, Range
from candle_ingest.web.answer_cache import AnswerCache, PackedAnswer
from candle_ingest.web.limiter import Limiter

router = APIRouter()
MAX_DAYS = 3660
MAX_HOURS = 168
Days = Annotated[int, Query(ge=1, le=MAX_DAYS)]
Answer = dict[str, Any]


class Answering(Protocol):
    """Returns the cached response for these values, or else that of `work`."""

    async def __call__(self, work: Callable[[], Answer], *key: object) -> Response:
        """Answer one request."""


def answering(request: Request) -> Answering:
    """Return a function that responds to `request`: from the cache if allowed, compressed if the client accepts it."""

    async def answer(work: Callable[[], Answer], *key: object) -> Response:
        fresh = request.headers.get("cache-control") == "no-cache"
        packed = await _cache(request).answer((request.url.path, *key), work, fresh)
        return _response(packed, "gzip" in request.headers.get("accept-encoding", ""))

    return answer


Answerer = Annotated[Answering, Depends(answering)]


@router.get("/api/pipelines")
def pipelines(readable: ReadablePipelines) -> Response:
    """Return the pipelines that the user may see."""
    return _response(PackedAnswer.of({"pipelines": [_pipeline(settings) for settings in readable.values()]}), True)


@router.get("/api/{pipeline}/symbols")
async def symbols(settings: Pipeline, answer: Answerer) -> Response:
    """Return the pairs that Redis lists."""
    return await answer(lambda: views.symbols(settings))


@router.get("/api/{pipeline}/overview")
async def overview(settings: Pipeline, answer: Answerer, days: Days = 90) -> Response:
    """Return every pair with its totals over the last `days`, and the rows of the first pairs."""
    return await answer(lambda: views.overview(settings, days, _now_ms()), days)


@router.get("/api/{pipeline}/coverage")
async def coverage(settings: Pipeline, answer: Answerer, pairs: Pairs, days: Days = 90) -> Response:
    """Return the rows of `pairs` over the last `days`."""
    return await answer(lambda: views.coverage(settings, pairs, days, _now_ms()), pairs, days)


@router.get("/api/{pipeline}/holes")
async def holes(settings: Pipeline, answer: Answerer, days: Days = 90) -> Response:
    """Return the largest holes of the last `days`."""
    return await answer(lambda: views.holes(settings, days, _now_ms()), days)


@router.get("/api/{pipeline}/rates")
async def rates(settings: Pipeline, answer: Answerer, days: Days = 90) -> Response:
    """Return the rate markets over the last `days`."""
    return await answer(lambda: views.rates(settings, days, _now_ms()), days)


@router.get("/api/{pipeline}/day")
async def day(settings: Pipeline, answer: Answerer, symbol: Pair, day: Day) -> Response:
    """Return the exchanges × hours of one day, and the reason for each hole."""
    return await answer(lambda: views.day(settings, symbol, day, _now_ms()), symbol, day)


@router.get("/api/{pipeline}/chart")
async def chart(settings: Pipeline, answer: Answerer, symbol: Pair, window: Range) -> Response:
    """Return the bars of a range."""
    return await answer(lambda: views.chart(settings, symbol, window), symbol, window)


@router.get("/api/{pipeline}/explain")
async def explain(settings: Pipeline, answer: Answerer, symbol: Pair, time_ms: OptionalMoment) -> Response:
    """Return one candle, exchange by exchange; without a time, the last final one."""
    return await answer(lambda: views.explain(settings, symbol, time_ms, _now_ms()), symbol, time_ms)


@router.get("/api/{pipeline}/exchanges")
async def exchanges(
    settings: Pipeline, answer: Answerer, hours: Annotated[int, Query(ge=1, le=MAX_HOURS)] = 6
) -> Response:
    """Return how the exchanges answered in the last `hours`."""
    return await answer(lambda: views.exchanges(settings, hours, _now_ms()), hours)


@router.get("/api/{pipeline}/freshness")
async def freshness(settings: Pipeline, answer: Answerer) -> Response:
    """Return how late each symbol is."""
    return await answer(lambda: views.freshness(settings, _now_ms()))


@router.get("/api/{pipeline}/summary")
async def summary(settings: Pipeline, answer: Answerer) -> Response:
    """Return the summary: one sentence, and the largest problems."""
    return await answer(lambda: views.summary(settings, _now_ms()))


@router.get("/{path:path}")
def unknown(path: str) -> None:
    """Raise a 404 that lists the routes."""
    names = [route.path for route in router.routes if isinstance(route, APIRoute) and route.path.startswith("/api/")]
    raise HTTPException(
        404, f"There is nothing at {path[:100]!r}. The page itself has no path; its data is at {', '.join(names)}."
    )


def _cache(request: Request) -> AnswerCache:
    """Return the cache of the app, created on the first request because it belongs to the running event loop."""
    state = request.app.state
    if not hasattr(state, "answers"):
        state.answers = AnswerCache(Limiter())
    answers: AnswerCache = state.answers
    return answers


def _response(packed: PackedAnswer, accepts_gzip: bool) -> Response:
    headers = {"Vary": "Accept-Encoding", "Cache-Control": "no-store"}
    if accepts_gzip:
        return Response(packed.body, media_type="application/json", headers={**headers, "Content-Encoding": "gzip"})
    return Response(packed.plain(), media_type="application/json", headers=headers)


def _pipeline(settings: PipelineSettings) -> Answer:
    return {
        "name": settings.name,
        "dag_ids": dag_ids(settings),
        "bucket": settings.influxdb_bucket,
        "simulated": is_simulated(settings),
        "exchanges": settings.exchange_ids,
        "bar_ms": settings.timeframe.ms,
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
