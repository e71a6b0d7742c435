"""The exchanges' own errors, from the simulator's table of error answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dev.exchange_simulator.error_answers import Meaning, find_error
from tests.faults.exchange_faults import CANDLES
from tests.faults.fault import Fault, Outcome
from tests.faults.world import World

OUTCOMES = {
    Meaning.BUSY: (Outcome.RETRIED, Outcome.RECOVERED),
    Meaning.LIMITED: (Outcome.RETRIED, Outcome.RECOVERED),
    Meaning.REGION: (Outcome.AT_ONCE, Outcome.AT_ONCE),
    Meaning.KEY: (Outcome.AT_ONCE, Outcome.AT_ONCE),
    Meaning.FINAL: (Outcome.AT_ONCE, Outcome.AT_ONCE),
}
# Exchange, name of the error in the simulator's table, and what the message must match.
NAMES = (
    ("binance", "-1000", "unknown error occurred"),
    ("binance", "-1001", "Internal error"),
    ("binance", "-1003", "Too many requests"),
    ("binance", "-1008", "overloaded"),
    ("coinbaseexchange", "500", "Internal server error"),
    ("coinbase", "INTERNAL", "INTERNAL"),
    ("coinbase", "circuit-breaker", "circuit breaker open"),
    ("kraken", "EService:Busy", "EService:Busy"),
    ("kraken", "EService:Unavailable", "EService:Unavailable"),
    ("kraken", "EService:Timeout", "EService:Timeout"),
    ("kraken", "EGeneral:Internal error", "EGeneral:Internal error"),
    ("kraken", "EGeneral:Temporary lockout", "Temporary lockout"),
    ("kraken", "EAPI:Rate limit exceeded", "EAPI:Rate limit exceeded"),
    ("kraken", "EGeneral:Too many requests", "Too many requests"),
    ("kucoin", "500000", "500000"),
    ("kucoin", "200002", "200002"),
    ("kucoin", "429000", "429000"),
    ("kucoin", "400302", "refuses this country or address"),
    ("htx", "system-busy", "system-busy"),
    ("htx", "system-maintenance", "system-maintenance"),
    ("htx", "base-request-exceed-frequency-limit", "base-request-exceed-frequency-limit"),
    ("htx", "base-request-exceed-number-limit", "base-request-exceed-number-limit"),
    ("okx", "50001", "50001"),
    ("okx", "50004", "50004"),
    ("okx", "50011", "50011"),
    ("okx", "50013", "50013"),
    ("okx", "50026", "50026"),
    ("bybit", "10000", "10000"),
    ("bybit", "10016", "10016"),
    ("bybit", "10006", "10006"),
    ("bybit", "10429", "10429"),
    ("bybit", "10009", "refuses this country or address"),
    ("bybit", "cloudfront", "refuses this country or address"),
    ("bybit", "10003", "Check key and secret"),
    ("bitstamp", "400.002", r"400\.002"),
    ("bitstamp", "400.067", r"400\.067"),
    ("bitstamp", "400.068", r"400\.068"),
    ("bitstamp", "API9999", "API9999"),
    ("bitstamp", "503", "503"),
    ("gate", "SERVER_ERROR", "SERVER_ERROR"),
    ("gate", "TOO_BUSY", "TOO_BUSY"),
    ("gate", "TOO_MANY_REQUESTS", "TOO_MANY_REQUESTS"),
    *(("kraken", f"cloudflare-{status}", str(status)) for status in range(520, 531)),
)


def answered_with(name: str):
    """Let the exchange respond to requests for candles with its error of that name."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        world.simulator.set_fault(world.exchange, "error", error=name, path=CANDLES[world.exchange], count=count)
        yield
        world.simulator.clear_faults()

    return switch_on


def _fault(exchange: str, name: str, says: str) -> Fault:
    error = find_error(exchange, name)
    assert error is not None
    outcome, outcome_once = OUTCOMES[error.meaning]
    return Fault(
        area="Exchange", name=f"{exchange} answers {name}", injected="simulator, `error`", says=says, outcome=outcome,
        outcome_once=outcome_once, switch_on=answered_with(name), exchanges=(exchange,),
    )  # fmt: skip


REFUSAL_FAULTS = tuple(_fault(*row) for row in NAMES)
