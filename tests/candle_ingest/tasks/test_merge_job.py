import json

from candle_ingest.core.window import Window
from candle_ingest.tasks.merge_job import MergeJob, Piece, pieces, whole


def job(reread_before_ms=0):
    return MergeJob(
        ticker="btcusd",
        currency_pair="BTC/USD",
        start_ms=0,
        end_ms=100,
        reread_before_ms=reread_before_ms,
        exchanges=("binance", "kraken"),
    )


def test_a_job_survives_the_way_through_xcom():
    assert MergeJob.from_dict(json.loads(json.dumps(job(20).to_dict()))) == job(20)


def test_an_exchange_takes_part_in_the_whole_only_if_it_answered_for_all_of_it():
    answered = {"binance": [Window(0, 100)], "kraken": [Window(0, 99)]}
    assert whole(job(), answered) == [Piece(Window(0, 100), ("binance",))]


def test_an_exchange_that_fails_now_stays_in_what_it_took_part_in_before():
    answered = {"binance": [Window(0, 100)], "kraken": [Window(0, 20)]}
    expected = [Piece(Window(0, 20), ("binance", "kraken")), Piece(Window(20, 100), ("binance",))]
    assert whole(job(reread_before_ms=20), answered) == expected


def test_what_is_read_again_and_what_is_new_are_one_piece_where_the_same_exchanges_answered():
    answered = {"binance": [Window(0, 100)], "kraken": [Window(0, 100)]}
    for reread_before_ms in (0, 20, 100, 900):
        assert whole(job(reread_before_ms), answered) == [Piece(Window(0, 100), ("binance", "kraken"))]


def test_pieces_are_cut_where_answers_begin_and_end_and_make_up_the_job():
    answered = {"binance": [Window(-50, 80)], "kraken": [Window(30, 60), Window(60, 200)]}
    assert pieces(job(), answered) == [
        Piece(Window(0, 30), ("binance",)),
        Piece(Window(30, 60), ("binance", "kraken")),
        Piece(Window(60, 80), ("binance", "kraken")),
        Piece(Window(80, 100), ("kraken",)),
    ]


def test_where_nobody_has_answered_there_is_a_piece_of_nobody():
    assert pieces(job(), {"htx": []}) == [Piece(Window(0, 100), ())]
