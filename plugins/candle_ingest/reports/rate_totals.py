"""Report the slots of each rate market by state. Rates have day records like symbols, but are never merged."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from candle_ingest.candles.rates import rate_exchanges
from candle_ingest.candles.window import Window
from candle_ingest.reports.coverage_totals import CoverageTotal, read_exchange_totals
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.store.bucket import InfluxBucket


def read_rate_totals(
    bucket: InfluxBucket, window: Window, pairs: Collection[str], expected: ExpectedCoverage
) -> list[CoverageTotal]:
    """Return the rate markets of `pairs` that were requested in `window`, which begins at midnight.

    Each rate has its own exchanges, whatever the exchanges of `expected` are.
    """
    if not pairs:
        return []
    exchanges = sorted({exchange for pair in pairs for exchange in rate_exchanges(pair)})
    return asked_rates(read_exchange_totals(bucket, window, pairs, replace(expected, exchanges=tuple(exchanges))))


def asked_rates(totals: Iterable[CoverageTotal]) -> list[CoverageTotal]:
    """Return the totals of exchanges that a rate is observed on, if anything was requested from them."""
    return [
        total
        for total in totals
        if total.exchange in rate_exchanges(total.currency_pair) and total.counts.not_asked < total.counts.expected
    ]
