from candle_ingest.candles.window import Window
from candle_ingest.store.flux import EVER, answer, flux_range, is_pair, keep, select, times_ms, where

PAIRS = ["ETH/USD", "BTC/USD"]


def test_a_range_is_in_nanoseconds():
    assert flux_range(Window(1, 2)) == {"start_ns": 1_000_000, "stop_ns": 2_000_000}


def test_a_query_keeps_the_points_that_meet_all_conditions():
    query = select("candles", "r.exchange == exchange", "", span=EVER) + where("r._value > 0") + keep("_time", "_value")
    assert query.splitlines() == [
        "from(bucket: bucket)",
        "  |> range(start: 0)",
        '  |> filter(fn: (r) => r._measurement == "candles" and r.exchange == exchange)',
        "  |> filter(fn: (r) => r._value > 0)",
        '  |> keep(columns: ["_time", "_value"])',
    ]


def test_one_of_several_answers_has_its_name_in_each_row():
    assert answer("last") == '  |> set(key: "what", value: "last")\n  |> yield(name: "last")\n'


def test_pairs_are_named_in_a_query_unless_they_are_too_many():
    assert is_pair(PAIRS) == '(r.currency_pair == "BTC/USD" or r.currency_pair == "ETH/USD")'
    assert is_pair(PAIRS, most=1) == is_pair(None) == ""


def test_times_are_read_with_and_without_fractions_of_a_second():
    texts = ["1970-01-01T00:00:01Z", "1970-01-01T00:00:01.5Z", "1970-01-01T00:00:01.000001440Z"]
    assert times_ms(texts).tolist() == [1000, 1500, 1000]


def test_many_pairs_are_one_pattern():
    pairs = [f"SIM{n:02}/USD" for n in range(26)]
    assert is_pair(pairs).startswith("r.currency_pair =~ /^(SIM00\\/USD|SIM01\\/USD|")
    assert is_pair(pairs).endswith("|SIM25\\/USD)$/")


def test_no_pairs_are_a_condition_that_nothing_meets():
    assert is_pair([]) == "false"
