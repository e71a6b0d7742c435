import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.symbol import CURRENCY_ALIASES, JOINED_QUOTES, parse_symbol
from candle_ingest.errors import SymbolError

CODES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=20)
# Texts that are almost symbols find more than arbitrary ones.
NEARLY = st.text("abUSDTCXeur/-_: \u00a0,=\"'\\\n\u00df\u017f\u0131\ufb01", max_size=45)


@pytest.mark.parametrize(
    ("ticker", "pair"),
    [
        ("btcusd", "BTC/USD"),
        ("BTCUSD", "BTC/USD"),
        ("BTC/USD", "BTC/USD"),
        ("btc/usd", "BTC/USD"),
        ("BTC-USD", "BTC/USD"),
        ("BTC_USD", "BTC/USD"),
        ("btc:usd", "BTC/USD"),
        (" btcusd\n", "BTC/USD"),
        ("ethbtc", "ETH/BTC"),
        ("solusdt", "SOL/USDT"),
        ("btceur", "BTC/EUR"),
        ("btcfdusd", "BTC/FDUSD"),
        ("1inchusd", "1INCH/USD"),
        ("xbtusd", "BTC/USD"),
        ("eth/xbt", "ETH/BTC"),
        ("ethxbt", "ETH/BTC"),
        ("xrpxbt", "XRP/BTC"),
        ("xdgusd", "DOGE/USD"),
        ("币安人生/USDT", "币安人生/USDT"),
        ("币安人生-usdt", "币安人生/USDT"),
        ("wbtcusd", "WBTC/USD"),
        ("w/btc", "W/BTC"),
        ("steth/eth", "STETH/ETH"),
    ],
)
def test_every_common_spelling_is_parsed(ticker, pair):
    assert parse_symbol(ticker).currency_pair == pair


@pytest.mark.parametrize(("ticker", "pair"), [("arbusd", "ARB/USD"), ("dotusd", "DOT/USD"), ("usdcusdt", "USDC/USDT")])
def test_a_coin_whose_name_runs_into_the_quote_keeps_its_name(ticker, pair):
    assert parse_symbol(ticker).currency_pair == pair


@pytest.mark.parametrize("ticker", ["btcusd", "BTC-USD", "xbt/usd"])
def test_the_ticker_stays_as_written_for_state_keys(ticker):
    assert parse_symbol(ticker).ticker == ticker


@pytest.mark.parametrize(
    "ticker",
    [
        "",
        " ",
        "btc",
        "usd",
        "btc/",
        "/usd",
        "btc/usd/eur",
        "btc//usd",
        "btc usd",
        'btc"/usd',
        "btc,a=b/usd",
        "btc\n/usd",
        "btc/btc",
        "usdusd",
        "xbtbtc",
        "b" * 21 + "/usd",
        "b" * 1000 + "usd",
        "βtcusd",
        "wbtc",
        "TUSD",
        "steth",
        "fdusd",
        "币安人生usdt",
        "\u0412\u0422\u0421/USD",
        "\uff22\uff34\uff23/USD",
        "btc\u200b/usd",
        "\ufeffbtcusd",
        "ßusd",
        "\u0131usd",
    ],
)
def test_what_is_not_a_pair_of_two_currencies_is_refused(ticker):
    with pytest.raises(SymbolError, match="is not a symbol: write BTC/USD"):
        parse_symbol(ticker)


def test_the_refusal_shows_a_hostile_text_shortened_on_one_line():
    with pytest.raises(SymbolError) as caught:
        parse_symbol("\x1b[31m\n" + "x" * 10_000)
    message = str(caught.value)
    assert len(message) < 400
    assert message.isprintable()


@given(st.text() | NEARLY)
def test_any_text_gives_two_plain_currency_codes_or_a_symbol_error(text):
    try:
        symbol = parse_symbol(text)
    except SymbolError:
        return
    for code in (symbol.base, symbol.quote):
        assert 0 < len(code) <= 20
        assert code.isalnum()
        assert code == code.upper()
    assert symbol.base != symbol.quote
    assert symbol.ticker == text.strip()


@given(CODES, CODES, st.sampled_from("/-_:"))
def test_two_codes_with_a_separator_are_those_two_currencies(base, quote, separator):
    expected = tuple(CURRENCY_ALIASES.get(code, code) for code in (base, quote))
    if expected[0] == expected[1]:
        with pytest.raises(SymbolError):
            parse_symbol(base + separator + quote)
    else:
        symbol = parse_symbol((base + separator + quote).lower())
        assert (symbol.base, symbol.quote) == expected


@given(CODES, st.sampled_from(JOINED_QUOTES))
def test_joined_codes_lose_no_character_and_end_with_a_known_quote(base, quote):
    try:
        symbol = parse_symbol(base + quote)
    except SymbolError:
        return
    if not {"XBT", "XDG"} & {base, quote} and not (base + quote).endswith("XBT"):
        assert symbol.base + symbol.quote == base + quote
    assert symbol.quote in JOINED_QUOTES
    assert len(symbol.quote) >= len(quote)


@pytest.mark.parametrize("ticker", ["BTC/USD:USD", "BTC/USDT:USDT-261225", "BTCUSDT.P", "BTC-PERP", "BTCUSD_PERP"])
def test_a_perpetual_or_a_future_is_refused_in_words(ticker):
    with pytest.raises(SymbolError, match="only spot markets are fetched: write BTC/USD"):
        parse_symbol(ticker)


@pytest.mark.parametrize(
    ("ticker", "pair"), [("BINANCE:BTCUSDT", "BTC/USDT"), ("KRAKEN:XBTUSD", "XBT/USD"), ("bitstamp:ethbtc", "ETH/BTC")]
)
def test_a_text_that_names_an_exchange_is_refused_with_the_pair_to_write(ticker, pair):
    with pytest.raises(SymbolError, match=f"names an exchange: write {pair}"):
        parse_symbol(ticker)
