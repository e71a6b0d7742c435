"""What the commands have in common; each of them marks simulated data."""

import inspect
import json

import pytest

from candle_ingest.__main__ import app
from candle_ingest.cli.options import pipeline_settings
from candle_ingest.cli.output import print_json
from candle_ingest.settings import PipelineSettings

COMMANDS = {command.callback.__name__: command.callback for command in app.registered_commands}


@pytest.mark.parametrize(
    ("bucket", "title"),
    [("candles_simulated", ""), ("mine", "candle-ingest (SIMULATED data)")],
    ids=["bucket", "title"],
)
def test_simulated_data_is_marked_on_the_standard_error(monkeypatch, capsys, bucket, title):
    monkeypatch.setenv("CANDLE_INGEST_INFLUXDB_BUCKET", bucket)
    monkeypatch.setenv("AIRFLOW__API__INSTANCE_NAME", title)
    pipeline_settings("candle")
    said = capsys.readouterr()
    assert said.err == f"SIMULATED data: the prices in bucket {bucket} are invented, none of them is real\n"
    assert said.out == ""


@pytest.mark.parametrize(("bucket", "simulated"), [("candles_simulated", True), ("candles", False)])
def test_json_says_whether_the_data_is_simulated(capsys, bucket, simulated):
    print_json(PipelineSettings(name="candle", influxdb_bucket=bucket), {"days": 3})
    assert json.loads(capsys.readouterr().out) == {"days": 3, "simulated": simulated}


def test_real_data_is_not_marked(monkeypatch, capsys):
    monkeypatch.setenv("CANDLE_INGEST_INFLUXDB_BUCKET", "candles")
    pipeline_settings("candle")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_marks_simulated_data(name, monkeypatch):
    class MarkedError(Exception):
        pass

    def marked(_):
        raise MarkedError

    monkeypatch.setattr(inspect.getmodule(COMMANDS[name]), "pipeline_settings", marked)
    arguments = {"symbol": "btcusd"} if name in ("explain", "export") else {}
    if name == "export":
        arguments |= {"from_": "2026-01-01", "to": "2026-01-02", "to_file": None}
    with pytest.raises(MarkedError):
        COMMANDS[name](**arguments)
