"""Step 2: which symbols enough exchanges list, and what is to be fetched."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from candle_ingest.adapters.connections import connect_influxdb, connect_redis
from candle_ingest.adapters.influx_bucket import BucketMissingError, InfluxBucket
from candle_ingest.adapters.redis_errors import sorted_redis_errors
from candle_ingest.adapters.watermarks import Watermarks
from candle_ingest.core.exchange_facts import canonical_exchange
from candle_ingest.core.symbol import Symbol, parse_symbol
from candle_ingest.core.window import Window, format_ms
from candle_ingest.errors import PermanentError, TemporaryError
from candle_ingest.settings import PipelineSettings
from candle_ingest.tasks.call_plan import log_plans, plan_calls
from candle_ingest.tasks.fetch_request import FetchRequest
from candle_ingest.tasks.listings import Listings, find_listings
from candle_ingest.tasks.merge_job import MergeJob
from candle_ingest.tasks.plan import Plan
from candle_ingest.tasks.plan_repair import plan_repair
from candle_ingest.tasks.run import REPAIR, Run
from candle_ingest.tasks.windows import SymbolWindow, plan_windows

logger = logging.getLogger(__name__)


def validate_symbols(run: Run, tickers: Sequence[str]) -> Plan:
    """Check the symbols against the exchanges, and plan the fetches.

    Raises ConfigurationError for wrong settings, and PermanentError where no symbol is listed often enough,
    or TemporaryError where that may be due to an exchange that cannot be reached.
    """
    _log_mode(run.settings)
    symbols = [parse_symbol(ticker) for ticker in tickers]
    with sorted_redis_errors(), connect_redis() as client:
        listings = find_listings(run.settings, symbols, client, read_only=run.dry)
    valid = _valid(symbols, listings, run.settings.min_exchanges)
    left_out = _left_out(symbols, valid, listings)
    if run.dry:
        valid = valid[: run.settings.dry_run_limit]
    requests, merges = _work(_settled(run), valid, listings)
    _log_plan(run, requests, listings)
    return Plan(requests, merges, run.settings.min_exchanges, left_out)


def _log_mode(settings: PipelineSettings) -> None:
    """Which exchanges are merged, and how many a symbol needs."""
    exchanges = [canonical_exchange(name) for name in settings.exchanges]
    if len(exchanges) == 1:
        logger.info("Single exchange mode: using %s", exchanges[0])
    else:
        logger.info("Multi-exchange mode: using %d exchanges with %s as primary", len(exchanges), exchanges[0])
    if not settings.min_exchanges_required:
        logger.info("Auto-detected min_exchanges_required: %d", settings.min_exchanges)


def _valid(symbols: Sequence[Symbol], listings: Listings, minimum: int) -> list[Symbol]:
    valid = []
    for symbol in symbols:
        found = listings.exchanges_of(symbol.currency_pair)
        if len(found) >= minimum:
            valid.append(symbol)
        else:
            logger.warning(
                "%s is left out: listed on %d of the %d exchanges it needs (%s)",
                symbol.currency_pair, len(found), minimum, ", ".join(found) or "none",
            )  # fmt: skip
    logger.info(
        "Symbol validation: %d/%d symbols meet minimum %d exchange requirement",
        len(valid),
        len(symbols),
        minimum,
    )
    if not valid:
        unreachable = "".join(f"; {name} cannot be reached: {why}" for name, why in listings.unreachable.items())
        kind = TemporaryError if unreachable else PermanentError
        raise kind(f"No symbols meet the minimum exchange requirement of {minimum}{unreachable}")
    return valid


def _left_out(symbols: Sequence[Symbol], valid: Sequence[Symbol], listings: Listings) -> list[str]:
    """Symbols that might have been valid, had every exchange answered: the run must not pass for complete."""
    if not listings.unreachable:
        return []
    names = ", ".join(listings.unreachable)
    return [
        f"{s.currency_pair}: {names} could not be asked for markets; clear validate_symbols"
        for s in symbols
        if s not in valid
    ]


def _settled(run: Run) -> Run:
    """The run, once its last candle has settled: one that has just closed may still change, or not be served."""
    wait_ms = run.wanted_end_ms + run.settings.settle_seconds * 1000 - run.now_ms
    if not 0 < wait_ms <= run.settings.settle_seconds * 1000:
        return run
    logger.info("Waiting %.1f s for the last candle to settle", wait_ms / 1000)
    time.sleep(wait_ms / 1000)
    return replace(run, now_ms=run.now_ms + wait_ms)


def _work(run: Run, symbols: Sequence[Symbol], listings: Listings) -> tuple[list[FetchRequest], list[MergeJob]]:
    with InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket) as bucket:
        if not run.dry:
            bucket.create_if_missing()
        if run.kind == REPAIR:
            requests, merges = plan_repair(run, symbols, listings, bucket)
            return ([], []) if run.dry else (requests, merges)
        windows = _windows(run, symbols, bucket)
    planned = [(symbol, windows[symbol.ticker]) for symbol in symbols if windows[symbol.ticker].window]
    requests = [request for symbol, window in planned for request in _requests(symbol, listings, window)]
    return requests, [_merge(symbol, listings, window) for symbol, window in planned]


def _windows(run: Run, symbols: Sequence[Symbol], bucket: InfluxBucket) -> dict[str, SymbolWindow]:
    try:
        return plan_windows(run, symbols, Watermarks(bucket))
    except BucketMissingError:
        if not run.dry:
            raise
        logger.info("The bucket %s does not exist yet: a wet run would create it", bucket.name)
        return plan_windows(run, symbols, None)


def _requests(symbol: Symbol, listings: Listings, planned: SymbolWindow) -> list[FetchRequest]:
    return [
        FetchRequest(
            ticker=symbol.ticker,
            currency_pair=symbol.currency_pair,
            exchange=exchange,
            market=market,
            start_ms=planned.window.start_ms,
            end_ms=planned.window.end_ms,
            reread_before_ms=planned.reread_before_ms,
        )
        for exchange, market in listings.exchanges_of(symbol.currency_pair).items()
    ]


def _merge(symbol: Symbol, listings: Listings, planned: SymbolWindow) -> MergeJob:
    return MergeJob(
        ticker=symbol.ticker,
        currency_pair=symbol.currency_pair,
        start_ms=planned.window.start_ms,
        end_ms=planned.window.end_ms,
        exchanges=tuple(listings.exchanges_of(symbol.currency_pair)),
    )


def _log_plan(run: Run, requests: Sequence[FetchRequest], listings: Listings) -> None:
    if not requests:
        logger.info("Nothing to fetch: every symbol is complete up to the end of this run")
        return
    start_ms, end_ms = min(r.start_ms for r in requests), max(r.end_ms for r in requests)
    pairs = {request.currency_pair for request in requests}
    logger.info(
        "%d fetches for %d symbols, from %s to %s",
        len(requests), len(pairs), format_ms(start_ms), format_ms(end_ms),
    )  # fmt: skip
    windows: dict[str, dict[str, list[Window]]] = {}
    for request in requests:
        windows.setdefault(request.exchange, {}).setdefault(request.currency_pair, []).append(request.window)
    granularity_minutes = run.settings.candle_granularity_minutes
    # Only a dry run asks how many trades there are: a wet one makes no call that brings no candles.
    log_plans(plan_calls(listings, windows, granularity_minutes, run.now_ms, count_trades=run.dry))
