from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.ledger.coverage import Account
from candle_ingest.ledger.day_account import NO_EXCHANGE, DayAccount, total, with_unasked

HOUR_MS = 3_600_000
TWO_DAYS = Window(0, 2 * DAY_MS)
HALF = Account(expected=12, present=10, quiet=2, not_listed=0, suspected=0, rejected=0, failed=0, not_asked=0)


def hours(known, pairs=("BTC/USD",)):
    found = with_unasked(known, pairs, TWO_DAYS, HOUR_MS)
    return [(day.exchange, day.day_ms, day.account.expected, day.account.not_asked) for day in found]


def test_what_is_missing_of_a_day_was_not_asked():
    assert hours([DayAccount("BTC/USD", "kraken", 0, HALF)]) == [("kraken", 0, 24, 12), ("kraken", DAY_MS, 24, 24)]


def test_a_pair_that_no_exchange_was_asked_for_is_there():
    assert hours([]) == [(NO_EXCHANGE, 0, 24, 24), (NO_EXCHANGE, DAY_MS, 24, 24)]


def test_the_parts_of_a_sum_add_up():
    sums = total([HALF, HALF])
    assert (sums.expected, sums.present, sums.quiet, sums.open) == (24, 20, 4, 0)
