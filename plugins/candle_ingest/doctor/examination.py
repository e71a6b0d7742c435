"""Run all checks of one exchange, one after another."""

from collections.abc import Callable

from candle_ingest.doctor.checks import CHECKS, Check
from candle_ingest.doctor.column_checks import COLUMN_CHECKS
from candle_ingest.doctor.exchange_under_test import ExchangeUnderTest, system_now_ms
from candle_ingest.doctor.expectations import expectation_of
from candle_ingest.doctor.finding import Finding, Verdict
from candle_ingest.doctor.pace_check import PACE_CHECK
from candle_ingest.doctor.single_row_checks import SINGLE_ROW_CHECKS
from candle_ingest.doctor.timeframe_checks import TIMEFRAME_CHECKS
from candle_ingest.doctor.trade_checks import TRADE_CHECKS
from candle_ingest.errors import CandleIngestError
from candle_ingest.exchanges.client import ExchangeClient

# The pace comes last: it counts the refusals of all requests before it.
ALL_CHECKS = (*CHECKS, *TIMEFRAME_CHECKS, *SINGLE_ROW_CHECKS, *COLUMN_CHECKS, *TRADE_CHECKS, PACE_CHECK)
MAX_REASON_LENGTH = 300


def open_exchange(client: ExchangeClient, clock: Callable[[], int] = system_now_ms) -> ExchangeUnderTest | None:
    """Return the exchange for examination; None if there are no known facts to check."""
    expected = expectation_of(client.exchange)
    return None if expected is None else ExchangeUnderTest(client, expected, clock)


def examine(subject: ExchangeUnderTest) -> list[Finding]:
    """Return a finding for each fact that applies; if the exchange does not return its markets, only that finding.

    This makes about fifteen requests, within the limits that all tasks share.
    """
    first, *others = ALL_CHECKS
    findings = [_examined(first, subject)]
    if findings[0].verdict is not Verdict.NO_ANSWER:
        findings += [_examined(check, subject) for check in others if check.applies(subject)]
    return findings


def _examined(check: Check, subject: ExchangeUnderTest) -> Finding:
    exchange, expected = subject.client.exchange, check.expected(subject)
    try:
        observation = check.look(subject)
    except CandleIngestError as error:
        return Finding(exchange, check.fact, expected, str(error)[:MAX_REASON_LENGTH], Verdict.NO_ANSWER)
    return Finding(exchange, check.fact, expected, observation.seen, observation.verdict)
