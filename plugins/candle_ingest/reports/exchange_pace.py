"""Report how much the requests to each exchange are slowed down now, as its refusals have taught all tasks."""

from collections.abc import Iterable
from dataclasses import dataclass

from candle_ingest.connections import RedisClient, exchange_connection
from candle_ingest.exchanges.rate_limit import limit_name
from candle_ingest.exchanges.shared_pace import read_pace
from candle_ingest.servers.redis_errors import translate_redis_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangePace:
    """The time between two requests to an exchange is `slowdown` times the usual one.

    `refused_ms` is when it last refused a request, while that still counts; 0 otherwise.
    """

    exchange: str
    slowdown: float
    refused_ms: int


def read_exchange_paces(client: RedisClient, exchanges: Iterable[str]) -> list[ExchangePace]:
    """Return the pace of each exchange. Raises RedisUnreachableError and RedisRefusedError."""
    with translate_redis_errors():
        return [_pace(client, exchange) for exchange in exchanges]


def _pace(client: RedisClient, exchange: str) -> ExchangePace:
    learnt, slowdown = read_pace(client, limit_name(exchange, exchange_connection(exchange).base_url))
    return ExchangePace(exchange=exchange, slowdown=slowdown, refused_ms=learnt.refused_ms)


def pace_in_words(slowdown: float) -> str:
    """Return `usual`, or `1.5 times slower`."""
    return "usual" if slowdown <= 1 else f"{slowdown:.1f} times slower"
