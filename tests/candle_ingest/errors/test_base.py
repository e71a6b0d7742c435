import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.errors import IncompleteError, Notice, TemporaryError
from candle_ingest.errors.base import named_errors, with_name, without_names
from candle_ingest.errors.servers import InfluxUnreachableError, RedisUnreachableError
from candle_ingest.errors.settings import SettingError

NAMED = sorted(named_errors(), key=lambda kind: kind.name)


@given(kind=st.sampled_from(NAMED), message=st.text())
def test_a_message_ends_with_the_name_exactly_once(kind, message):
    text = str(kind(f"{message} [{kind.name}]"))
    assert text.endswith(f" [{kind.name}]")
    assert text.count(f" [{kind.name}]") == 1


def test_an_error_inside_another_leaves_only_the_outer_name():
    inner = RedisUnreachableError("Redis is down")
    assert str(InfluxUnreachableError(f"both: {inner}")) == "both: Redis is down [influxdb-unreachable]"


def test_an_error_raised_again_keeps_one_name():
    again = SettingError(str(SettingError("a is 1")))
    assert str(SettingError(str(again))) == "a is 1 [setting-invalid]"


def test_other_words_in_square_brackets_stay():
    text = "neither a list [1, 2] nor [some-other-words]"
    assert without_names(text) == text
    assert with_name(text, "") == text


def test_an_error_keeps_message_name_and_symbols_between_processes():
    error = pickle.loads(pickle.dumps(IncompleteError("1 symbols", ["BTC/USD: 2 of 3"])))
    assert (str(error), error.symbols) == ("1 symbols [candles-incomplete]", ("BTC/USD: 2 of 3",))


def test_a_subclass_without_a_name_of_its_own_has_that_of_its_base():
    assert str(type("Special", (RedisUnreachableError,), {})("down")) == "down [redis-unreachable]"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "half-done", "cause": "c", "cure": "c"},
        {"name": "half-done", "cause": "c", "example": "e"},
        {"name": "One_Word", "cause": "c", "cure": "c", "example": "e"},
        {"name": "redis-unreachable", "cause": "c", "cure": "c", "example": "e"},
    ],
    ids=["no example", "no cure", "not kebab case", "taken"],
)
def test_a_class_with_a_bad_name_or_without_a_cure_cannot_be_defined(fields):
    with pytest.raises(TypeError):
        type("Broken", (TemporaryError,), fields)


def test_a_notice_shows_its_name_and_cannot_take_one_in_use(monkeypatch):
    monkeypatch.setattr(Notice, "every", [])
    assert str(Notice("test-notice", cause="c", cure="c", example="e")) == "[test-notice]"
    with pytest.raises(TypeError, match="belongs to"):
        Notice("redis-unreachable", cause="c", cure="c", example="e")
