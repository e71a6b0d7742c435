from candle_ingest.near_names import did_you_mean, near_names

KNOWN = ("BTC/USD", "ETH/USD", "ETH/BTC", "SOL/USD", "DOGE/USD")


def test_near_names_are_found_for_a_misspelt_pair():
    assert near_names("EHT/USD", KNOWN)[0] == "ETH/USD"
    assert near_names("BTC/UDS", KNOWN)[0] == "BTC/USD"


def test_nothing_is_suggested_for_a_name_unlike_any():
    assert near_names("XYZW/JPY", KNOWN) == []


def test_the_question_names_all_near_names():
    assert did_you_mean("XYZW/JPY", KNOWN) == ""
    assert did_you_mean("DOG/USD", ["DOGE/USD"]) == "; did you mean DOGE/USD?"
    assert did_you_mean("BTC/UDS", ["BTC/USD", "BTC/USC", "BTC/UDC"]).count(" or ") == 1
