"""The facts that take one or two responses: each check says what it expects, and examines an exchange."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import pairwise

from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.doctor.exchange_under_test import MINUTE, ExchangeUnderTest
from candle_ingest.doctor.finding import Observation
from candle_ingest.exchanges.answer_policies import LooseStart, WholeHistory
from candle_ingest.plurals import counted

# At the ends of a window, candles may be missing because there were no trades.
QUIET_AT_ENDS = 10
MAX_CLOCK_DIFFERENCE_SECONDS = 10
OLD_DAYS = 400
SHOWN_SYMBOLS = 3
# The share of rows with volume that must have a plausible average price.
PLAUSIBLE_SHARE = 0.9
TOLERANCE = 0.001


@dataclass(frozen=True, slots=True)
class Check:
    """One fact: its name, what is expected in words, and the function that examines it."""

    fact: str
    expected: Callable[[ExchangeUnderTest], str]
    look: Callable[[ExchangeUnderTest], Observation]
    applies: Callable[[ExchangeUnderTest], bool] = lambda subject: True


def look_at_markets(subject: ExchangeUnderTest) -> Observation:
    """Tell whether the market list has the main market, and whether it trades."""
    listed = subject.expected.main_market in subject.markets
    seen = f"{len(subject.markets):,} trading, {subject.expected.main_market} {'' if listed else 'not '}among them"
    return Observation(seen, listed)


def look_at_symbols(subject: ExchangeUnderTest) -> Observation:
    """Tell whether each symbol is listed once; a dark pool has the symbol of its pair."""
    counts = Counter(market["symbol"] for market in subject.listed)
    doubled = sorted(symbol for symbol, count in counts.items() if count > 1)
    shown = ", ".join(doubled[:SHOWN_SYMBOLS])
    return Observation(f"{len(doubled):,} listed twice: {shown}" if doubled else "each once", not doubled)


def look_at_rows(subject: ExchangeUnderTest) -> Observation:
    """Tell whether one response spans as many candles as the profile says."""
    window = subject.full_window
    rows = subject.inside(subject.full_answer, window)
    slots = MINUTE.slots(window)
    if not rows:
        return Observation(f"none of {slots:,}", False)
    late = int(rows[0][0] - window.start_ms) // MINUTE_MS
    early = int(window.end_ms - rows[-1][0]) // MINUTE_MS - 1
    ends = (
        f"the first {late} and the last {counted(early, 'minute')} missing"
        if late or early
        else "none missing at either end"
    )
    return Observation(f"{len(rows):,} of {slots:,}, {ends}", late <= QUIET_AT_ENDS and early <= QUIET_AT_ENDS)


def _wire_times(subject: ExchangeUnderTest) -> list[int]:
    return [int(row[subject.expected.time]) for row in subject.full_answer.wire_rows]


def look_at_order(subject: ExchangeUnderTest) -> Observation:
    """Tell whether rows come oldest or newest first."""
    times = _wire_times(subject)
    if len(times) < 2:
        return Observation("fewer than two rows", None)
    steps = {later > earlier for earlier, later in pairwise(times) if later != earlier}
    seen = "mixed" if len(steps) > 1 else "oldest first" if steps == {True} else "newest first"
    return Observation(seen, seen == _order(subject))


def _order(subject: ExchangeUnderTest) -> str:
    return "newest first" if subject.expected.newest_first else "oldest first"


def _window_with_trades_at_both_ends(subject: ExchangeUnderTest) -> Window | None:
    """Return about half an hour from one traded minute to another, so that both ends must be served."""
    traded = [int(row[0]) for row in subject.inside(subject.full_answer, subject.full_window) if row[5] > 0]
    if len(traded) < 40:
        return None
    return Window(traded[-35], traded[-5] + MINUTE_MS)


def look_at_ends(subject: ExchangeUnderTest) -> Observation:
    """Tell whether a response has the first and the last candle of its window, and none beyond."""
    window = _window_with_trades_at_both_ends(subject)
    if window is None:
        return Observation("too few candles", None)
    times = [int(row[0]) for row in subject.ask(window).rows]
    faults = [
        *(["first missing"] if window.start_ms not in times else []),
        *(["last missing"] if window.end_ms - MINUTE_MS not in times else []),
        *_beyond(subject, window, times),
    ]
    return Observation(", ".join(faults) or "both ends", not faults)


def _beyond(subject: ExchangeUnderTest, window: Window, times: list[int]) -> list[str]:
    """Describe the candles outside the window that the policy of the exchange does not allow."""
    if isinstance(subject.profile.policy, WholeHistory):
        return []
    before = sum(time < window.start_ms for time in times)
    after = sum(time >= window.end_ms for time in times)
    early = [f"{before} before"] if before and not isinstance(subject.profile.policy, LooseStart) else []
    return early + ([f"{after} after"] if after > subject.profile.spare_rows else [])


def look_at_quiet_minutes(subject: ExchangeUnderTest) -> Observation:
    """Tell whether minutes without trades are flat or missing, in a market that rarely trades."""
    market = subject.rare_market
    if market is None:
        return Observation("no rare market is listed", None)
    rows = subject.inside(subject.ask(subject.full_window, market), subject.full_window)
    flat = sum(row[5] == 0 for row in rows)
    missing = MINUTE.slots(subject.full_window) - len(rows)
    seen = f"{market['symbol']}: {flat} flat, {missing} missing of {MINUTE.slots(subject.full_window):,}"
    if not flat and not missing:
        return Observation(seen, None)
    return Observation(seen, flat > 0 if subject.expected.shows_quiet else flat == 0)


def look_at_history(subject: ExchangeUnderTest) -> Observation:
    """Tell whether candles as old as the profile says are served."""
    window = _old_window(subject)
    rows = subject.inside(subject.ask(window), window)
    return Observation(f"{len(rows)} of {counted(MINUTE.slots(window), 'candle')} of {window}", bool(rows))


def _old_window(subject: ExchangeUnderTest) -> Window:
    rows = subject.profile.history_rows
    back = OLD_DAYS * 1440 if rows is None else rows - 5
    start_ms = subject.opened_ms - back * MINUTE_MS
    return Window(start_ms, start_ms + 30 * MINUTE_MS)


def _history(subject: ExchangeUnderTest) -> str:
    rows = subject.profile.history_rows
    return f"{OLD_DAYS} days and more" if rows is None else f"the last {rows:,} candles"


def look_at_date(subject: ExchangeUnderTest) -> Observation:
    """Tell whether responses carry `Date`, and whether it agrees with this machine's clock."""
    header = subject.full_answer.headers.get("date")
    if header is None:
        return Observation("no header", False)
    now_ms = subject.clock()
    try:
        seconds = parsedate_to_datetime(header).timestamp() - now_ms / 1000
    except ValueError:
        return Observation(header, False)
    # Rounded first: as a number, -0.3 s would be shown as -0 s.
    shown = f"{rounded:+d} s" if (rounded := round(seconds)) else "0 s"
    return Observation(shown, abs(seconds) <= MAX_CLOCK_DIFFERENCE_SECONDS)


def look_at_age(subject: ExchangeUnderTest) -> Observation:
    """Tell whether a repeated request is answered from a cache, and how old that response may be."""
    subject.full_answer  # noqa: B018 - the first of two equal requests
    age = subject.ask(subject.full_window).headers.get("age")
    if age is None:
        return Observation("no cache", True)
    sound = age.isdecimal() and int(age) <= subject.expected.cached_seconds
    return Observation(f"{age} s", sound)


def _age(subject: ExchangeUnderTest) -> str:
    seconds = subject.expected.cached_seconds
    return f"at most {seconds} s" if seconds else "no cache"


def look_at_limit_headers(subject: ExchangeUnderTest) -> Observation:
    """Tell whether responses carry the headers that say how much of the limit is used."""
    headers = subject.full_answer.headers
    missing = [name for name in subject.expected.limit_headers if name not in headers]
    seen = ", ".join(f"{name}: {headers[name]}" for name in subject.expected.limit_headers if name in headers)
    return Observation(f"without {', '.join(missing)}" if missing else seen, not missing)


def look_at_quote_volumes(subject: ExchangeUnderTest) -> Observation:
    """Tell whether volumes are in base units: quote volume over volume is then a price between low and high."""
    prices = {int(row[0]): (row[3], row[2]) for row in subject.full_answer.rows}
    plausible = total = 0
    for row in subject.full_answer.wire_rows:
        time, volume = int(row[subject.expected.time]), float(row[subject.expected.volume])
        low, high = prices.get(time if time > 10**11 else time * 1000, (0.0, 0.0))
        if volume > 0 and high:
            total += 1
            quote_volume = float(row[subject.expected.quote_volume or 0])
            plausible += low * (1 - TOLERANCE) <= quote_volume / volume <= high * (1 + TOLERANCE)
    if not total:
        return Observation("no candle with volume", None)
    return Observation(
        f"{plausible:,} of {total:,} average prices within low and high", plausible >= PLAUSIBLE_SHARE * total
    )


CHECKS = (
    Check("market list", lambda subject: f"{subject.expected.main_market} trades", look_at_markets),
    Check("symbols", lambda subject: "each once", look_at_symbols),
    Check("rows", lambda subject: f"{MINUTE.slots(subject.full_window):,} in a request", look_at_rows),
    Check("order", _order, look_at_order),
    Check("ends", lambda subject: "both ends, none beyond", look_at_ends),
    Check(
        "quiet minutes", lambda subject: "flat" if subject.expected.shows_quiet else "missing", look_at_quiet_minutes
    ),
    Check("history", _history, look_at_history),
    Check("date", lambda subject: f"within {MAX_CLOCK_DIFFERENCE_SECONDS} s", look_at_date),
    Check("age", _age, look_at_age),
    Check(
        "limit headers",
        lambda subject: ", ".join(subject.expected.limit_headers),
        look_at_limit_headers,
        applies=lambda subject: bool(subject.expected.limit_headers),
    ),
    Check(
        "volume",
        lambda subject: "base units",
        look_at_quote_volumes,
        applies=lambda subject: subject.expected.quote_volume is not None,
    ),
)
