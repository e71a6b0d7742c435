"""The coins of the synthetic market: about fifty real names, each with a price level, a turnover and a first day."""

from dataclasses import dataclass
from datetime import UTC, datetime


def utc_ms(date: str) -> int:
    """Return midnight UTC of a YYYY-MM-DD date in milliseconds."""
    return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Coin:
    """One base coin: its level in US dollars, and how busy it is.

    `turnover_usd` is traded per minute on a big exchange; `born` is its first day anywhere.
    """

    code: str
    price_usd: float
    turnover_usd: float
    born: str = "2013-01-01"


_TABLE = """
BTC 60000 1500000 | ETH 2900 900000 | SOL 140 400000 2020-08-11 | XRP 0.6 350000
ADA 0.45 90000 2017-10-01 | DOGE 0.12 150000 2014-01-01 | LTC 80 60000 | DOT 6.5 40000 2020-08-18
BNB 560 250000 2017-11-06 | AVAX 28 60000 2020-09-22 | LINK 14 70000 2017-11-01
TRX 0.13 50000 2018-06-01 | BCH 400 40000 2017-08-01 | XLM 0.11 25000 | ETC 22 20000 2016-07-27
ATOM 7 25000 2019-04-22 | UNI 8 30000 2020-09-17 | FIL 4.5 20000 2020-10-15 | NEAR 5 30000 2020-10-14
APT 8 25000 2022-10-19 | ARB 0.8 25000 2023-03-23 | OP 1.8 22000 2022-06-01 | SUI 1.4 60000 2023-05-03
INJ 22 15000 2020-10-21 | AAVE 110 18000 2020-10-15 | MKR 2300 8000 2017-12-20 | GRT 0.18 8000 2020-12-17
ALGO 0.15 9000 2019-06-22 | XTZ 0.8 5000 2018-07-01 | EOS 0.6 7000 2017-07-01 | SAND 0.3 7000 2020-08-14
MANA 0.32 5000 2017-10-01 | CRV 0.3 8000 2020-08-14 | SNX 1.6 3500 2019-01-01 | COMP 48 3500 2020-06-23
YFI 5500 2500 2020-08-10 | ZEC 30 6000 2016-10-29 | DASH 26 3000 2015-01-01 | XMR 160 12000 2015-01-01
HBAR 0.06 15000 2019-09-17 | ICP 8.5 12000 2021-05-10 | FET 1.3 12000 2019-03-01
RUNE 4.2 9000 2019-07-23 | TIA 5.5 15000 2023-10-31 | SHIB 0.00002 50000 2021-05-10
PEPE 0.00001 60000 2023-05-05 | KSM 20 1500 2020-07-01 | BAT 0.18 2500 2017-06-01
ENJ 0.15 1500 2017-11-01 | ZRX 0.33 1500 2017-08-15 | MLN 17 400 2017-02-01 | OMG 0.3 800 2017-07-14
KCS 8.5 4000 2017-10-24 | HT 0.6 900 2018-02-01 | REQ 0.1 300 2017-12-01
币安人生 0.2 3000 2025-10-07
"""


def _read(entry: str) -> Coin:
    code, price, turnover, *born = entry.split()
    return Coin(code, float(price), float(turnover), *born)


COINS: dict[str, Coin] = {
    coin.code: coin for line in _TABLE.strip().splitlines() for coin in map(_read, line.split("|"))
}


# Coins that are worth a dollar; on some exchanges they are bases of markets too.
STABLECOINS = {
    "USDT": Coin("USDT", 1.0, 60_000.0, "2017-04-01"),
    "USDC": Coin("USDC", 1.0, 20_000.0, "2018-10-01"),
}


def extra_coin(number: int) -> Coin:
    """Return the number-th generated coin (`SIM001`, …), for runs with more symbols than there are names here."""
    return Coin(f"SIM{number:03d}", 0.5 + number % 97, 2000.0 + 100 * (number % 50))


def coin_named(code: str) -> Coin:
    """Return the coin with that code, including stablecoins and generated ones. Raises KeyError."""
    if code in STABLECOINS:
        return STABLECOINS[code]
    if code not in COINS and code.startswith("SIM") and code[3:].isdigit():
        return extra_coin(int(code[3:]))
    return COINS[code]
