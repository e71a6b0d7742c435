from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from candle_ingest.errors import ConfigurationError, IncompleteError, NotPlannedError, TemporaryError
from candle_ingest.orchestration.alerts import failure_callback, failure_sentence
from tests.integration.servers import recording_notifier

SHORT = "BTC/USD: 1 of the 2 exchanges it needs answered for [a, b); failed: kraken"


def context(error, wrapped=True):
    exception = AirflowFailException(str(error)) if wrapped else error
    exception.__cause__ = error if wrapped else None
    ti = SimpleNamespace(dag_id="candle_backfill", run_id="r1", task_id="aggregate_and_write")
    return {"ti": ti, "exception": exception}


def incomplete(count):
    return IncompleteError("symbols are not complete\n…", [SHORT.replace("BTC", f"BTC{n}") for n in range(count)])


def test_the_sentence_names_symbols_and_exchanges():
    told = failure_sentence(context(IncompleteError("…", [SHORT])))
    assert told == f"candle_backfill, run r1: 1 symbol is not complete: {SHORT}"


def test_many_symbols_are_shortened_to_the_first_few_and_a_count():
    told = failure_sentence(context(incomplete(40)))
    assert "40 symbols are not complete: BTC0/USD" in told
    assert told.endswith(" and 35 more")
    assert "BTC5/USD" not in told


def test_another_failure_is_reported_in_its_own_words_on_one_line():
    told = failure_sentence(context(TemporaryError("Redis does not\nanswer"), wrapped=False))
    assert told == "candle_backfill, run r1: aggregate_and_write failed: Redis does not answer"


def test_a_notifier_gets_the_sentence_for_its_templates(monkeypatch, tmp_path):
    monkeypatch.setenv("RECORDED_FAILURES", str(tmp_path / "told"))
    callback = failure_callback(f"{recording_notifier.__name__}.record")
    callback(context(IncompleteError("…", [SHORT])))
    assert SHORT in (tmp_path / "told").read_text()


def test_a_failure_that_an_earlier_step_reported_is_not_reported_again(monkeypatch, tmp_path):
    monkeypatch.setenv("RECORDED_FAILURES", str(tmp_path / "told"))
    failure_callback(f"{recording_notifier.__name__}.record")(context(NotPlannedError("nothing planned")))
    assert not (tmp_path / "told").exists()


@pytest.mark.parametrize("path", ["nowhere.notifier", "json.nothing", "justaname", "json.__name__"])
def test_a_path_that_cannot_be_called_is_an_error_of_configuration(path):
    with pytest.raises(ConfigurationError, match="failure_notifier is"):
        failure_callback(path)


def test_without_a_notifier_there_is_no_callback():
    assert failure_callback("") is None
