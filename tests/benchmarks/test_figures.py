import pytest

from benchmarks.figures import Figures, repeat, speed_ratios, take_turns


def test_twice_as_fast_is_two():
    ratios = speed_ratios([1.0, 2.0, 4.0], [2.0, 2.0, 2.0])
    assert ratios.values == (2.0, 1.0, 0.5)
    assert (ratios.median, ratios.lowest, ratios.highest, len(ratios)) == (1.0, 0.5, 2.0, 3)


def test_each_pair_needs_two_figures():
    with pytest.raises(ValueError, match="zip"):
        speed_ratios([1.0], [1.0, 2.0])


def test_no_figure_has_no_median():
    with pytest.raises(ValueError, match="at least one"):
        Figures(())


def test_both_take_turns_and_the_first_round_does_not_count():
    calls = []
    ratios = take_turns(lambda: calls.append("ours"), lambda: calls.append("other"), repetitions=2)
    assert calls == ["ours", "other", "ours", "other", "other", "ours"]
    assert len(ratios) == 2
    assert ratios.lowest > 0


def test_repeat_keeps_every_figure():
    figures = iter([3.0, 1.0, 2.0])
    assert repeat(lambda: next(figures), 3) == Figures((3.0, 1.0, 2.0))
