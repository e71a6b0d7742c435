import json

from candle_ingest.core.window import Window
from candle_ingest.tasks.merge_job import MergeJob, Piece, pieces, whole

JOB = MergeJob(ticker="btcusd", currency_pair="BTC/USD", start_ms=0, end_ms=100, exchanges=("binance", "kraken"))


def test_a_job_survives_the_way_through_xcom():
    assert MergeJob.from_dict(json.loads(json.dumps(JOB.to_dict()))) == JOB


def test_an_exchange_takes_part_in_the_whole_only_if_it_answered_for_all_of_it():
    answered = {"binance": [Window(0, 100)], "kraken": [Window(0, 99)]}
    assert whole(JOB, answered, []) == Piece(Window(0, 100), ("binance",))


def test_an_exchange_whose_fetch_failed_takes_no_part_though_it_answered_before():
    answered = {"binance": [Window(0, 100)], "kraken": [Window(0, 100)]}
    assert whole(JOB, answered, ["kraken"]) == Piece(Window(0, 100), ("binance",))


def test_pieces_are_cut_where_answers_begin_and_end_and_make_up_the_job():
    answered = {"binance": [Window(-50, 80)], "kraken": [Window(30, 60), Window(60, 200)]}
    assert pieces(JOB, answered) == [
        Piece(Window(0, 30), ("binance",)),
        Piece(Window(30, 60), ("binance", "kraken")),
        Piece(Window(60, 80), ("binance", "kraken")),
        Piece(Window(80, 100), ("kraken",)),
    ]


def test_exchanges_that_do_not_list_the_pair_take_no_part():
    assert pieces(JOB, {"htx": [Window(0, 100)]}) == [Piece(Window(0, 100), ())]
