from tests.faults.endurance_report import Endurance


def test_the_longest_lag_is_at_least_the_last_one():
    said = Endurance(minutes=20, seed=1, symbols=1, exchanges=1, lags=[59.0, 289.0, 30.0], last_lag=293.0).section()
    assert "by at most 293 s, by 59 s in the median, and by 293 s at the end" in " ".join(said.split())
