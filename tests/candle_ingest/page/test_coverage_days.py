import re

from candle_ingest.core.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.page.coverage_days import last_days, read_coverage_days

WINDOW = Window(0, 5 * DAY_MS)


class Storage:
    """Answers the queries from points of (pair, exchange, day, expected, open), as InfluxDB does."""

    def __init__(self, *points):
        self.points = points
        self.queries = 0

    def query(self, flux, whole_day=None, **params):
        self.queries += 1
        return [row for what in re.findall(r'yield\(name: "(\w+)"\)', flux) for row in self.rows(what, whole_day)]

    def rows(self, what, whole_day):
        for pair, exchange in sorted({point[:2] for point in self.points}):
            own = sorted(point for point in self.points if point[:2] == (pair, exchange))
            counts = [("expected", day, expected) for _, _, day, expected, _ in own]
            chosen = {
                "first": counts[:1],
                "last": counts[-1:],
                "count": [("expected", 0, len(own))],
                "unusual": [count for count in counts if count[2] != whole_day]
                + [("failed", day, failed) for _, _, day, _, failed in own if failed],
                "each": counts,
            }[what]
            for field, day, value in chosen:
                row = {"_field": field, "_time": f"1970-01-{day + 1:02}T00:00:00Z", "_value": str(value)}
                yield {**row, "currency_pair": pair, "exchange": exchange, "what": what}


def expected(*points, listed=()):
    found = read_coverage_days(Storage(*points), WINDOW, MINUTE_MS, listed)
    return dict(zip(found.pairs, found.expected.tolist(), strict=True))


def test_whole_days_of_several_exchanges_add_up():
    points = [("BTC/USD", exchange, day, 1440, 0) for exchange in "ab" for day in (1, 2, 3)]
    assert expected(*points) == {"BTC/USD": [0, 2880, 2880, 2880, 0]}


def test_a_day_that_is_not_whole_counts_as_it_is():
    points = [("BTC/USD", "a", 0, 1440, 0), ("BTC/USD", "a", 1, 30, 0), ("BTC/USD", "b", 0, 1440, 0)]
    assert expected(*points) == {"BTC/USD": [2880, 30, 0, 0, 0]}


def test_a_series_with_a_gap_is_read_day_by_day():
    storage = Storage(("A/B", "a", 0, 1440, 0), ("A/B", "a", 4, 7, 0), ("C/D", "a", 1, 1440, 0), ("C/D", "a", 2, 1, 0))
    found = read_coverage_days(storage, WINDOW, MINUTE_MS)
    assert found.expected.tolist() == [[1440, 0, 0, 0, 7], [0, 1440, 1, 0, 0]]
    assert storage.queries == 2


def test_one_query_where_no_series_has_a_gap():
    storage = Storage(("A/B", "a", 0, 1440, 5))
    found = read_coverage_days(storage, WINDOW, MINUTE_MS)
    assert storage.queries == 1
    assert found.open_counts.tolist() == [[5, 0, 0, 0, 0]]


def test_what_is_listed_has_a_row_before_it_has_data():
    assert expected(listed=["X/Y"]) == {"X/Y": [0] * 5}


def test_the_last_days_end_with_the_one_that_has_begun():
    assert last_days(2, 3 * DAY_MS + 1) == Window(2 * DAY_MS, 4 * DAY_MS)
