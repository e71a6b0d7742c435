from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.reports.coverage_days import last_days, read_coverage_days

WINDOW = Window(0, 5 * DAY_MS)


class Storage:
    """Answers from points of (pair, field, day, value)."""

    def __init__(self, *points):
        self.points = points

    def query(self, flux, **params):
        return [
            {"_field": field, "_time": f"1970-01-{day + 1:02}T00:00:00Z", "_value": str(value), "currency_pair": pair}
            for pair, field, day, value in self.points
        ]


def test_pairs_are_rows_and_days_are_columns():
    storage = Storage(
        ("C/D", "expected", 4, 30), ("A/B", "expected", 0, 2880), ("A/B", "open", 0, 5), ("A/B", "expected", 1, 1440)
    )
    found = read_coverage_days(storage, WINDOW)
    assert found.pairs == ["A/B", "C/D"]
    assert found.days == ["1970-01-01", "1970-01-02", "1970-01-03", "1970-01-04", "1970-01-05"]
    assert found.expected.tolist() == [[2880, 1440, 0, 0, 0], [0, 0, 0, 0, 30]]
    assert found.open_counts.tolist() == [[5, 0, 0, 0, 0], [0] * 5]


def test_what_is_listed_has_a_row_before_it_has_data():
    found = read_coverage_days(Storage(("A/B", "expected", 2, 7)), WINDOW, ["X/Y"])
    assert dict(zip(found.pairs, found.expected.tolist(), strict=True)) == {"A/B": [0, 0, 7, 0, 0], "X/Y": [0] * 5}


def test_the_last_days_end_with_the_one_that_has_begun():
    assert last_days(2, 3 * DAY_MS + 1) == Window(2 * DAY_MS, 4 * DAY_MS)
