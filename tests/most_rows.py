"""Facts that the package and the simulator are both held to."""

# Candles in one answer, as each exchange documents it; coinbase allows 350, of which ccxt asks for 300.
MOST_ROWS = {
    "binance": 1000,
    "coinbaseexchange": 300,
    "kraken": 720,
    "kucoin": 1500,
    "htx": 1000,
    "binanceus": 1000,
    "coinbase": 300,
    "okx": 300,
    "bybit": 1000,
    "bitstamp": 1000,
    "gate": 1000,
}
