"""The columns of candle arrays: whole numbers, so that what goes on the wire is exact."""

import numpy as np

from dev.exchange_simulator.hashing import Ints

MINUTE_MS = 60_000
DAY_MS = 86_400_000
# Open time in ms, prices in ticks, volume in units, number of trades; then the sums over the trades: the quote
# volume in 10^-8 of the quote, and both volumes of the trades in which the taker bought.
OPEN_TIME, OPEN, HIGH, LOW, CLOSE, VOLUME, COUNT, QUOTE_VOLUME, TAKER_VOLUME, TAKER_QUOTE_VOLUME = range(10)
# Rows as the market makes them have the first seven, rows as an exchange serves them all ten.
MARKET_COLUMNS, SERVED_COLUMNS = 7, 10
QUOTE_DECIMALS = 8
# The largest float below 2^63: 9.2e10 of the quote, which only candles of months reach.
MAX_QUOTE = 2**63 - 1024
NO_ROWS: Ints = np.empty((0, SERVED_COLUMNS), dtype=np.int64)
NO_MARKET_ROWS: Ints = np.empty((0, MARKET_COLUMNS), dtype=np.int64)
