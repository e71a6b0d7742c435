"""One module for each exchange: its paths, its limits, its way to answer and to refuse."""

from include.exchange_simulator.exchanges.base import Exchange, Wiring
from include.exchange_simulator.exchanges.binance import Binance
from include.exchange_simulator.exchanges.binanceus import BinanceUs
from include.exchange_simulator.exchanges.bitstamp import Bitstamp
from include.exchange_simulator.exchanges.bybit import Bybit
from include.exchange_simulator.exchanges.coinbase import Coinbase
from include.exchange_simulator.exchanges.coinbaseexchange import CoinbaseExchange
from include.exchange_simulator.exchanges.gate import Gate
from include.exchange_simulator.exchanges.htx import Htx
from include.exchange_simulator.exchanges.kraken import Kraken
from include.exchange_simulator.exchanges.kucoin import Kucoin
from include.exchange_simulator.exchanges.okx import Okx

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
    """All simulated exchanges by their ccxt id."""
    return {kind.name: kind(wiring) for kind in _CLASSES}
