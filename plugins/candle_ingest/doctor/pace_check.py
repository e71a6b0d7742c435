"""Whether the exchange refused requests although they kept to its known pace."""

from candle_ingest.doctor.checks import Check
from candle_ingest.doctor.exchange_under_test import ExchangeUnderTest
from candle_ingest.doctor.finding import Observation
from candle_ingest.plurals import counted


def look_at_refusals(subject: ExchangeUnderTest) -> Observation:
    """Tell whether any request of the examination was refused because of a rate limit.

    Faster requests are not tried: the exchange would restrict or ban this address, for all programs.
    """
    refused, made = subject.client.refusal_count, subject.client.request_count
    return Observation(f"{refused} of {counted(made, 'request')} refused", not refused)


def expected_pace(subject: ExchangeUnderTest) -> str:
    """Describe the pace that was kept to."""
    pace = subject.client.pace()
    by_market = f", {pace.market_seconds:g} s for a market" if pace.market_seconds else ""
    return f"none refused at one in {pace.call_seconds:.2g} s{by_market}"


PACE_CHECK = Check("pace", expected_pace, look_at_refusals)
