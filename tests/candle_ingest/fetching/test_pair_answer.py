from collections import Counter

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.row_checks import CheckedPage, Page
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.fetching.pair_answer import PairAnswer
from candle_ingest.ledger.day_record import ClosingRule
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef

DAY = 20_000 * DAY_MS
NOON = DAY + DAY_MS // 2


def answer(*pages):
    whole = Window(pages[0].window.start_ms, pages[-1].window.end_ms)
    return PairAnswer("BTC/USD", "BTC/USDT", [whole], whole.end_ms + DAY_MS, MINUTE_MS, pages=list(pages))


def page(start_ms, end_ms, missing=(), corrections=()):
    rows = [(t, 1.0, 1.0, 1.0, 1.0, 1.0) for t in range(start_ms, end_ms, MINUTE_MS) if t not in missing]
    checked = CheckedPage(
        Candles.from_rows(rows), missing_slots=frozenset(missing), corrections=Counter(dict.fromkeys(corrections, 1))
    )
    return Page(Window(start_ms, end_ms), checked)


def looks(found):
    return list(found.looks(ClosingRule(3_600_000), (), TaskInstanceRef()))


def test_what_the_answer_lacks_goes_into_the_look_of_its_day():
    midnight = DAY + DAY_MS
    lacking = [midnight - MINUTE_MS, midnight, midnight + MINUTE_MS]
    first, second = looks(answer(page(midnight - 10 * MINUTE_MS, midnight + 10 * MINUTE_MS, lacking)))
    assert first.missing == (Window(midnight - MINUTE_MS, midnight),)
    assert second.missing == (Window(midnight, midnight + 2 * MINUTE_MS),)


def test_the_reason_does_not_repeat_exchange_market_and_times():
    place = f"kraken, BTC/USD 1m candles of {Window(NOON, NOON + MINUTE_MS)}: "
    for reason in (f"{place}HTTP 503", f"not asked, after 3 pages without an answer: {place}HTTP 503"):
        [found] = answer(Page.failed(Window(NOON, NOON + MINUTE_MS), reason)).failed()
        assert found.reason == reason.replace(place, "")


def test_a_failed_page_counts_as_failed_and_not_as_lacking_rows():
    failed = Page.failed(Window(NOON, NOON + MINUTE_MS), "HTTP 503")
    [look] = looks(answer(page(NOON - MINUTE_MS, NOON), failed))
    assert (look.missing, [found.window for found in look.failed]) == ((), [failed.window])


def test_corrections_of_all_pages_add_up():
    found = answer(page(DAY, NOON, corrections=["moved", "last"]), page(NOON, NOON + MINUTE_MS, corrections=["moved"]))
    assert found.corrections == {"moved": 2, "last": 1}
