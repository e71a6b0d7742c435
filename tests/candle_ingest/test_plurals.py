import pytest

from candle_ingest.plurals import are, are_all, are_some, counted


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 candles"), (1, "1 candle"), (2, "2 candles"), (1440, "1,440 candles")]
)
def test_a_noun_agrees_with_its_count(count, words):
    assert counted(count, "candle") == words


def test_an_irregular_plural_is_given():
    assert (counted(1, "try", "tries"), counted(2, "try", "tries")) == ("1 try", "2 tries")


def test_a_verb_agrees_with_the_count_of_all():
    assert (are(1, "symbol"), are(3, "symbol")) == ("1 symbol is", "3 symbols are")
    assert (are_all(1, "symbol"), are_all(3, "symbol")) == ("The only symbol is", "All 3 symbols are")


@pytest.mark.parametrize(
    ("count", "whole", "words"),
    [(1, 1, "1 of 1 day is"), (0, 1, "0 of 1 day is"), (1, 3, "1 of 3 days is"), (2, 3, "2 of 3 days are")],
)
def test_a_verb_agrees_with_the_count_of_some(count, whole, words):
    assert are_some(count, whole, "day") == words
