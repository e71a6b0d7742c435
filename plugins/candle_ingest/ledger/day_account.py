"""The sums of one exchange and one day in UTC, and what nobody has asked for."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, fields, replace

from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.ledger.coverage import Account

# Stands for the exchange where no exchange was asked for a pair at all.
NO_EXCHANGE = "-"


@dataclass(frozen=True, slots=True)
class DayAccount:
    """How the minutes of one day add up; `day_ms` is midnight UTC."""

    currency_pair: str
    exchange: str
    day_ms: int
    account: Account


def with_unasked(known: Collection[DayAccount], pairs: Iterable[str], window: Window, bar_ms: int) -> list[DayAccount]:
    """Return the account of every day of `window`, which begins and ends at midnight, ascending.

    An exchange that was asked for a pair on one of the days counts on all of them. What is missing of a day was not
    asked. Days outside of `window` are left out.
    """
    by_key = {(day.currency_pair, day.exchange, day.day_ms): day.account for day in known}
    asked = {(day.currency_pair, day.exchange) for day in known}
    asked |= {(pair, NO_EXCHANGE) for pair in set(pairs) - {pair for pair, _ in asked}}
    slots = DAY_MS // bar_ms
    return [
        DayAccount(pair, exchange, day_ms, _filled(by_key.get((pair, exchange, day_ms)), slots))
        for pair, exchange in sorted(asked)
        for day_ms in range(window.start_ms, window.end_ms, DAY_MS)
    ]


def total(accounts: Iterable[Account]) -> Account:
    """Return the sum of several accounts."""
    sums = dict.fromkeys((field.name for field in fields(Account)), 0)
    for account in accounts:
        for name, value in asdict(account).items():
            sums[name] += value
    return Account(**sums)


def _filled(account: Account | None, slots: int) -> Account:
    account = account or total([])
    unasked = max(0, slots - account.expected)
    return replace(account, expected=account.expected + unasked, not_asked=account.not_asked + unasked)
