from tests.faults.endurance_report import Endurance


def test_the_longest_lag_is_none_below_the_last_one():
    said = Endurance(minutes=20, seed=1, symbols=1, exchanges=1, lags=[59.0, 289.0, 30.0], last_lag=293.0).section()
    assert "293 at most, 59 in the median, 293 at the end" in " ".join(said.split())
