import pytest

from candle_ingest.durations import duration_in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "< 1 s"), (0.5, "< 1 s"), (0.6, "1 s"), (99, "99 s"), (150, "2 min"), (3600, "60 min"), (9000, "2.5 h")],
)
def test_durations_are_short_words(seconds, words):
    assert duration_in_words(seconds) == words
