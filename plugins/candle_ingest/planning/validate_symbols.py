"""Step 2: which symbols enough exchanges list, and what is to be fetched."""

import logging
from collections.abc import Sequence

from candle_ingest.candles.symbol import Symbol, parse_symbol
from candle_ingest.candles.window import Window, format_ms
from candle_ingest.connections import connect_influxdb, connect_redis
from candle_ingest.errors import PermanentError, TemporaryError
from candle_ingest.planning.call_plan import log_plans, plan_calls
from candle_ingest.planning.fetch_request import FetchRequest
from candle_ingest.planning.interval import plan_interval
from candle_ingest.planning.listings import Listings, find_listings
from candle_ingest.planning.merge_job import MergeJob
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.repair import plan_repair
from candle_ingest.planning.run import REPAIR, Run
from candle_ingest.planning.served_before import ServedBefore
from candle_ingest.planning.settling import settled
from candle_ingest.redis_errors import translate_redis_errors
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.granularity_guard import check_granularity

logger = logging.getLogger(__name__)


def validate_symbols(run: Run, tickers: Sequence[str]) -> Plan:
    """Check the symbols against the exchanges, and plan the fetches.

    Raises ConfigurationError for wrong settings, and PermanentError where no symbol is listed often enough,
    or TemporaryError where that may be due to an exchange that cannot be reached.
    """
    _log_mode(run.settings)
    symbols = [parse_symbol(ticker) for ticker in tickers]
    with translate_redis_errors(), connect_redis() as client:
        listings = find_listings(run.settings, symbols, client, read_only=run.dry)
    with InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket) as bucket:
        if not run.dry:
            bucket.create_if_missing()
            check_granularity(bucket, run.settings.candle_granularity_minutes)
        served = ServedBefore(bucket)
        listings = served.with_halted_markets(listings)
        valid = _valid(symbols, listings, run.settings.min_exchanges)
        left_out = _left_out(run, [symbol for symbol in symbols if symbol not in valid], listings, served)
        if run.dry:
            valid = valid[: run.settings.dry_run_limit]
        requests, merges = _work(settled(run), valid, listings, served, bucket)
    _log_plan(run, requests, listings)
    return Plan(requests, merges, run.settings.min_exchanges, left_out)


def _log_mode(settings: PipelineSettings) -> None:
    """Which exchanges are merged, and how many a symbol needs."""
    exchanges = settings.exchange_ids
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


def _left_out(run: Run, symbols: Sequence[Symbol], listings: Listings, served: ServedBefore) -> list[str]:
    """Of those that are not valid, the ones that should be: the run must not pass for complete."""
    names = ", ".join(listings.unreachable)
    if names:
        return [f"{s.currency_pair}: {names} could not be asked for markets; clear validate_symbols" for s in symbols]
    # Whoever names the exchanges of a run knows that they need not list all.
    known = set() if run.has_own_exchanges else served.tickers([symbol.ticker for symbol in symbols])
    return [
        f"{symbol.currency_pair}: has candles from earlier runs, and not enough exchanges list it any more (now "
        f"{', '.join(listings.exchanges_of(symbol.currency_pair)) or 'none'}); take it off the list in Redis, or "
        "lower min_exchanges_required"
        for symbol in symbols
        if symbol.ticker in known
    ]


def _work(
    run: Run, symbols: Sequence[Symbol], listings: Listings, served: ServedBefore, bucket: InfluxBucket
) -> tuple[list[FetchRequest], list[MergeJob]]:
    if run.kind != REPAIR:
        return plan_interval(run, symbols, listings, served, bucket)
    requests, merges = plan_repair(run, symbols, listings, bucket)
    return ([], []) if run.dry else (requests, merges)


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
