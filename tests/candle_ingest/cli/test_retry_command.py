from typer.testing import CliRunner

from candle_ingest.__main__ import app
from candle_ingest.errors.settings import OptionError


def test_a_misspelt_exchange_is_named_with_the_known_ones():
    error = CliRunner().invoke(app, ["retry", "--exchanges", "krakn,kraken"]).exception
    assert isinstance(error, OptionError)
    assert "--exchanges names krakn; write any of binance, " in str(error)
