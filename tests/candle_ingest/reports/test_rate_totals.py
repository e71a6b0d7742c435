from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.reports.coverage_totals import CoverageTotal
from candle_ingest.reports.rate_totals import asked_rates


def total(currency_pair, exchange, unrecorded=0, **counts):
    return CoverageTotal(
        currency_pair=currency_pair,
        exchange=exchange,
        counts=CoverageCounts(expected=sum(counts.values()), **counts),
        provisional_days=0,
        final_days=0,
        unrecorded=unrecorded,
    )


def test_rates_are_those_of_the_exchanges_that_they_are_observed_on():
    found = asked_rates(
        [
            total("USDC/USD", "kraken", present=1440),
            total("USDC/USD", "coinbaseexchange", present=1440),
            total("USDC/USDT", "binance", present=1440),
            total("USDT/USD", "binance", present=1440),
        ]
    )
    assert [(rate.currency_pair, rate.exchange) for rate in found] == [("USDC/USD", "kraken"), ("USDC/USDT", "binance")]


def test_a_rate_market_that_was_never_asked_is_left_out():
    assert asked_rates([total("USDT/USD", "kraken", not_asked=2880, unrecorded=2880)]) == []


def test_a_rate_market_that_failed_from_the_first_minute_is_shown():
    failed = total("USDT/USD", "kraken", failed=1440, not_asked=1440, unrecorded=1440)
    assert asked_rates([failed]) == [failed]


def test_recorded_counts_leave_out_the_days_without_a_record():
    found = total("USDT/USD", "kraken", present=1400, failed=30, not_asked=1450, unrecorded=1440).recorded_counts
    assert found == CoverageCounts(expected=1440, present=1400, failed=30, not_asked=10)
