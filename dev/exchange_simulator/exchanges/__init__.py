"""One module for each exchange: its paths, limits, responses and refusals."""

from dev.exchange_simulator.exchanges.base import Exchange, Wiring
from dev.exchange_simulator.exchanges.binance import Binance
from dev.exchange_simulator.exchanges.binanceus import BinanceUs
from dev.exchange_simulator.exchanges.bitstamp import Bitstamp
from dev.exchange_simulator.exchanges.bybit import Bybit
from dev.exchange_simulator.exchanges.coinbase import Coinbase
from dev.exchange_simulator.exchanges.coinbaseexchange import CoinbaseExchange
from dev.exchange_simulator.exchanges.gate import Gate
from dev.exchange_simulator.exchanges.htx import Htx
from dev.exchange_simulator.exchanges.kraken import Kraken
from dev.exchange_simulator.exchanges.kucoin import Kucoin
from dev.exchange_simulator.exchanges.okx import Okx

__all__ = ["Exchange", "Wiring", "build_exchanges"]

_CLASSES: tuple[type[Exchange], ...] = (
    Binance,
    CoinbaseExchange,
    Kraken,
    Kucoin,
    Htx,
    BinanceUs,
    Coinbase,
    Okx,
    Bybit,
    Bitstamp,
    Gate,
)


def build_exchanges(wiring: Wiring) -> dict[str, Exchange]:
    """Return all simulated exchanges by their ccxt id."""
    return {kind.name: kind(wiring) for kind in _CLASSES}
