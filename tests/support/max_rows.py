"""Facts that the tests check of both the package and the simulator."""

# Candles in one response, as each exchange documents it; coinbase allows 350, but ccxt requests 300.
MAX_ROWS = {
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
