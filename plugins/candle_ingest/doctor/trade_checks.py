"""The facts that need trades: volumes in base units, and the cursor of kraken."""

from candle_ingest.candles.window import HOUR_MS, MINUTE_MS, NS_PER_MS, Window
from candle_ingest.doctor.checks import Check
from candle_ingest.doctor.exchange_under_test import ExchangeUnderTest
from candle_ingest.doctor.finding import Observation
from candle_ingest.plurals import counted

TRADES = 1000
TOLERANCE = 0.01


def look_at_trade_volumes(subject: ExchangeUnderTest) -> Observation:
    """Tell whether the volume of a minute is the sum of its trades."""
    trades = subject.client.inspect_recent_trades(subject.market, TRADES)
    window = _whole_minutes(trades, subject)
    if window is None:
        return Observation("the last trades cover no whole minute", None)
    candles = {int(row[0]): float(row[5]) for row in subject.inside(subject.ask(window), window)}
    sums: dict[int, float] = {}
    for time_ms, amount in trades:
        sums[time_ms // MINUTE_MS * MINUTE_MS] = sums.get(time_ms // MINUTE_MS * MINUTE_MS, 0.0) + amount
    both = [time for time, volume in candles.items() if volume > 0 and time in sums]
    if not both:
        return Observation("no minute with both candle and trades", None)
    equal = sum(abs(sums[time] / candles[time] - 1) <= TOLERANCE for time in both)
    return Observation(f"{equal} of {counted(len(both), 'minute')} as their trades add up", equal * 2 > len(both))


def _whole_minutes(trades: list[tuple[int, float]], subject: ExchangeUnderTest) -> Window | None:
    """Return up to ten closed minutes that lie wholly within the trades."""
    if not trades:
        return None
    start_ms = -(-(trades[0][0] + 1) // MINUTE_MS) * MINUTE_MS
    end_ms = min(subject.opened_ms, subject.clock() // MINUTE_MS * MINUTE_MS)
    start_ms = max(start_ms, end_ms - 10 * MINUTE_MS)
    return Window(start_ms, end_ms) if start_ms < end_ms else None


def look_at_cursor(subject: ExchangeUnderTest) -> Observation:
    """Tell whether a page of trades leads to the next one without a gap."""
    since_ns = (subject.opened_ms - HOUR_MS) * NS_PER_MS
    first = subject.client.fetch_trades(subject.market, since_ns, TRADES, lambda answer: answer)
    if not first.trades:
        return Observation("no trade in an hour", None)
    last_ms = first.trades[-1].time_ms
    if first.next_since_ns <= since_ns:
        return Observation("the cursor does not move", False)
    second = subject.client.fetch_trades(subject.market, first.next_since_ns, TRADES, lambda answer: answer)
    if not second.trades:
        return Observation("nothing after the last trade, not even that one", False)
    # The next page begins with the last trade again, because the cursor is one nanosecond before it.
    gap_ms = second.trades[0].time_ms - last_ms
    return Observation(f"the next page begins {round(gap_ms)} ms after the last trade", abs(gap_ms) < 1)


TRADE_CHECKS = (
    Check(
        "volume",
        lambda subject: "base units",
        look_at_trade_volumes,
        applies=lambda subject: subject.expected.quote_volume is None,
    ),
    Check(
        "trades cursor",
        lambda subject: "the next page joins on",
        look_at_cursor,
        applies=lambda subject: subject.profile.trades_per_request is not None,
    ),
)
