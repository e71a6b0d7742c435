"""Where `export` cannot write; the files that it writes are in tests/integration/terminal/test_export.py."""

from contextlib import nullcontext

import pytest
from typer.testing import CliRunner

from candle_ingest.__main__ import app
from candle_ingest.cli import export_command
from candle_ingest.errors import ConfigurationError


@pytest.fixture
def refusal(monkeypatch):
    """Return the error for a file when nothing is open."""
    monkeypatch.setattr(export_command, "open_bucket", lambda _: nullcontext())
    monkeypatch.setattr(export_command, "check_symbols", lambda *_: None)
    monkeypatch.setattr(export_command, "read_open_minutes", lambda *_: [])
    command = ["export", "BTC/USD", "--from", "2026-01-01", "--to", "2026-01-02", "--to-file"]
    return lambda path: CliRunner().invoke(app, [*command, str(path)]).exception


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_folder_that_is_missing_is_named_with_what_to_do(refusal, tmp_path, ending):
    path = tmp_path / "missing" / f"candles.{ending}"
    error = refusal(path)
    assert isinstance(error, ConfigurationError)
    assert str(error) == (
        f"--to-file is {path}: cannot be written (No such file or directory); "
        "name an existing folder that you may write to [option-invalid]"
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_folder_that_is_a_file_is_refused(refusal, tmp_path, ending):
    (tmp_path / "file").touch()
    error = refusal(tmp_path / "file" / f"candles.{ending}")
    assert isinstance(error, ConfigurationError)
    assert "(Not a directory)" in str(error)
