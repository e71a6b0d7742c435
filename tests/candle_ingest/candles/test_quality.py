import numpy as np
import pytest

from candle_ingest.candles.quality import Quality


def test_quality_of_selected_minutes_is_returned_and_none_is_invented():
    times = np.array([0, 60_000, 120_000])
    whole = Quality(
        times, np.array([1.0, 2.0, 3.0]), ["a", "b", "c"], [""] * 3, [""] * 3, {"USDT": np.array([1, 2, 3])}
    )
    chosen = whole.at(times[[0, 2]])
    assert (chosen.excluded, chosen.dispersion_bps.tolist()) == (["a", "c"], [1.0, 3.0])
    assert chosen.rates["USDT"].tolist() == [1, 3]
    with pytest.raises(ValueError, match="no quality"):
        whole.at(np.array([0, 30_000]))
    with pytest.raises(ValueError, match="no quality"):
        whole.at(np.array([180_000]))
