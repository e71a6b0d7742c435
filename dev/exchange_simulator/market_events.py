"""Events on the market at given times: crashes, depegs, foreign coins, late and wrong candles.

An event concerns candles by their open time. Some change what is true (`TRUTH_KINDS`), some only what an exchange shows
until a given time on its clock (`SHOWN_KINDS`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dev.exchange_simulator.candle_columns import MINUTE_MS
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.markets import EXCHANGES, Market
from dev.exchange_simulator.mutations import ROW_MUTATIONS

TRUTH_KINDS = frozenset({"depeg", "flash_crash", "scaled", "quiet", "off_grid"})
SHOWN_KINDS = frozenset({"hidden", "revised", "wrong_row", "double_row", "unconfirmed"})
KINDS = TRUTH_KINDS | SHOWN_KINDS
_NEVER_MS = 2**62
_NUMBERS = {"start_ms", "end_ms", "from_ms", "until_ms", "shift_ms"}
_FACTORS = {"price_factor", "volume_factor", "delay_seconds"}


class MarketEventError(ValueError):
    """The description of an event is wrong; the message says why, for its sender."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketEvent:
    """One event, for candles with start_ms ≤ open time < end_ms (UTC).

    `exchange` and `market` (such as BTC/USD) limit it; empty means all. Truth:

    - depeg: the `currency` is worth `price_factor` dollars, in every market that has it as base or quote.
    - flash_crash: lows fall to `price_factor` of what they were, with `volume_factor` times the volume.
    - scaled: prices × `price_factor`, volumes × `volume_factor`: another coin or another unit under the same ticker.
    - quiet: there are no trades.
    - off_grid: open times are `shift_ms` late.

    Shown, from `from_ms` on the clock (default: always) until `until_ms` on the clock, or until `delay_seconds` after
    the candle's close; without either permanently:

    - hidden: the exchange has no row, and no trades: late publication, silence, or with no end an outage.
    - revised: a first value with half of the volume and the low as its close.
    - wrong_row: the row has the mutation `row`, one of mutations.ROW_MUTATIONS.
    - double_row: a wrong row with the same time precedes the right one.
    - unconfirmed: the row is marked as unfinished where the exchange marks rows (okx, gate).
    """

    kind: str
    start_ms: int
    end_ms: int
    exchange: str = ""
    market: str = ""
    currency: str = ""
    price_factor: float = 1.0
    volume_factor: float = 1.0
    shift_ms: int = 0
    row: str = ""
    from_ms: int = 0
    until_ms: int | None = None
    delay_seconds: float | None = None

    def concerns(self, market: Market) -> bool:
        """Return whether the event can change candles of the market."""
        if self.exchange not in ("", market.exchange) or self.market not in ("", market.symbol):
            return False
        return self.kind != "depeg" or self.currency in (market.base, market.quote)

    def applies_to(self, opens_ms: Ints, now_ms: int) -> Any:
        """Return, for each candle, whether the event applies to it at that time on the clock."""
        inside = (opens_ms >= self.start_ms) & (opens_ms < self.end_ms)
        if self.kind in TRUTH_KINDS:
            return inside
        if now_ms < self.from_ms or (self.until_ms is not None and now_ms >= self.until_ms):
            return inside & False
        if self.delay_seconds is None:
            return inside
        return inside & (opens_ms + MINUTE_MS + int(self.delay_seconds * 1000) > now_ms)


def in_the_end(events: Iterable[MarketEvent]) -> tuple[MarketEvent, ...]:
    """Return the events that still apply when all temporary ones are over."""
    return tuple(e for e in events if e.kind in TRUTH_KINDS or (e.until_ms is None and e.delay_seconds is None))


def _problem(given: dict[str, Any]) -> str | None:
    """Return what is wrong with the description of an event, in words."""
    known = sorted(MarketEvent.__slots__)
    unknown = sorted(set(given) - set(known))
    kind, exchange = given.get("kind"), given.get("exchange", "")
    problems = (
        (bool(unknown), f"unknown {', '.join(unknown)}; an event has {', '.join(known)}"),
        (kind not in KINDS, f"kind {kind!r}: one of {', '.join(sorted(KINDS))}"),
        (exchange not in ("", *EXCHANGES), f"exchange {exchange!r}: one of {', '.join(EXCHANGES)}, or none for all"),
        (not {"start_ms", "end_ms"} <= set(given), "an event needs start_ms and end_ms, in ms UTC"),
        (kind == "depeg" and not given.get("currency"), "depeg needs a currency such as USDC"),
        (kind == "wrong_row" and given.get("row") not in ROW_MUTATIONS, f"row: one of {', '.join(ROW_MUTATIONS)}"),
    )
    return next((text for wrong, text in problems if wrong), _wrong_type(given))


def _wrong_type(given: dict[str, Any]) -> str | None:
    for name, value in given.items():
        kinds: tuple[type, ...] = (int,) if name in _NUMBERS else (int, float) if name in _FACTORS else (str,)
        absent = value is None and name in ("until_ms", "delay_seconds")
        if not absent and (isinstance(value, bool) or not isinstance(value, kinds)):
            return f"{name}: {value!r} is not a value of type {kinds[-1].__name__}"
    return None


def parse_event(given: Any) -> MarketEvent:
    """Return the event of a JSON object. Raises MarketEventError that names what is wrong."""
    if not isinstance(given, dict):
        raise MarketEventError("an event is a JSON object with kind, start_ms and end_ms")
    problem = _problem(given)
    if problem:
        raise MarketEventError(problem)
    return MarketEvent(**given)
