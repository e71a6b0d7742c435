"""One exchange under examination: its client, its markets, the time, and the responses that several checks use."""

import time
from collections.abc import Callable, Sequence
from functools import cached_property

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.doctor.expectations import Expectation
from candle_ingest.exchanges.answers import Market, RawAnswer
from candle_ingest.exchanges.client import ExchangeClient

MINUTE = Timeframe(1)
# A candle that closed this long ago is certainly published.
SETTLED_MINUTES = 10
# Bases that trade rarely, so that some of their minutes are quiet, rarest first.
RARE_BASES = ("MLN", "REQ", "ENJ", "ZRX", "OMG", "BAT", "KSM", "DASH", "ZEC", "SNX")


def system_now_ms() -> int:
    """Return the time of this machine in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


class ExchangeUnderTest:
    """The responses of one exchange; each is requested once, when a check first needs it."""

    def __init__(self, client: ExchangeClient, expected: Expectation, clock: Callable[[], int] = system_now_ms) -> None:
        self.client = client
        self.expected = expected
        self.clock = clock
        self.profile = client.profile

    @cached_property
    def listed(self) -> list[Market]:
        """Return the spot markets that trade."""
        return [market for market in self.client.fetch_markets() if market["active"]]

    @cached_property
    def markets(self) -> dict[str, Market]:
        """Return the spot markets that trade, by symbol."""
        return {market["symbol"]: market for market in self.listed}

    @cached_property
    def market(self) -> Market:
        """Return the main market, or the busiest substitute that is listed."""
        for symbol in (self.expected.main_market, "BTC/USDT", "BTC/USD", "BTC/USDC", "ETH/USDT", "ETH/USD"):
            if symbol in self.markets:
                return self.markets[symbol]
        return next(iter(self.markets.values()))

    @cached_property
    def rare_market(self) -> Market | None:
        """Return a market in which some minutes are quiet; None if there is none."""
        quotes = dict.fromkeys((self.market["quote"], "USD", "USDT"))
        symbols = (f"{base}/{quote}" for base in RARE_BASES for quote in quotes)
        return next((self.markets[symbol] for symbol in symbols if symbol in self.markets), None)

    @cached_property
    def opened_ms(self) -> int:
        """Return the start of the minute in which the examination began."""
        return self.clock() // MINUTE_MS * MINUTE_MS

    @property
    def full_window(self) -> Window:
        """Return a window of as many settled minutes as one response may hold."""
        end_ms = self.opened_ms - SETTLED_MINUTES * MINUTE_MS
        rows = self.profile.rows_per_request
        if self.profile.history_rows is not None:
            rows = min(rows, self.profile.history_rows - SETTLED_MINUTES - 2)
        return Window(end_ms - rows * MINUTE_MS, end_ms)

    @cached_property
    def full_answer(self) -> RawAnswer:
        """Return the response for `full_window` of the main market."""
        return self.ask(self.full_window)

    def ask(self, window: Window, market: Market | None = None, timeframe: Timeframe = MINUTE) -> RawAnswer:
        """Return the response for a window, of the main market unless another is given."""
        return self.client.inspect_rows(market or self.market, timeframe, window)

    def inside(self, answer: RawAnswer, window: Window) -> list[Sequence[float]]:
        """Return the rows that open in the window, ascending."""
        return [row for row in answer.rows if window.start_ms <= row[0] < window.end_ms]
