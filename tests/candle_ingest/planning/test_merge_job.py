import json

from candle_ingest.candles.window import Window
from candle_ingest.planning.merge_job import MergeJob, Piece, answered_all, pieces

JOB = MergeJob(ticker="btcusd", currency_pair="BTC/USD", start_ms=0, end_ms=100, exchanges=("binance", "kraken"))


def test_a_job_survives_the_way_through_xcom():
    assert MergeJob.from_dict(json.loads(json.dumps(JOB.to_dict()))) == JOB


def test_only_what_has_answered_to_the_last_minute_has_answered_for_all():
    answered = {"binance": [Window(0, 100)], "kraken": [Window(0, 99)], "htx": [Window(-50, 200)]}
    assert answered_all(JOB, answered) == ["binance", "htx"]


def test_pieces_are_cut_where_answers_begin_and_end_and_make_up_the_job():
    answered = {"binance": [Window(-50, 80)], "kraken": [Window(30, 60), Window(70, 200)]}
    assert pieces(JOB, answered) == [
        Piece(Window(0, 30), ("binance",)),
        Piece(Window(30, 60), ("binance", "kraken")),
        Piece(Window(60, 70), ("binance",)),
        Piece(Window(70, 80), ("binance", "kraken")),
        Piece(Window(80, 100), ("kraken",)),
    ]


def test_what_the_same_exchanges_have_answered_in_parts_is_one_piece():
    answered = {"binance": [Window(0, 60), Window(60, 100)], "kraken": [Window(0, 60), Window(60, 100)]}
    assert pieces(JOB, answered) == [Piece(Window(0, 100), ("binance", "kraken"))]


def test_where_nobody_has_answered_there_is_a_piece_of_nobody():
    assert pieces(JOB, {"htx": []}) == [Piece(Window(0, 100), ())]
