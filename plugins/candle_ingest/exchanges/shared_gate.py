"""Open the gate of an exchange with the limit shared by all tasks, and ccxt's own as fallback."""

from collections.abc import Callable
from typing import Any

from candle_ingest.connections import ExchangeConnection, RedisClient
from candle_ingest.exchanges.call_pace import CallPace
from candle_ingest.exchanges.circuit_breaker import CircuitBreaker
from candle_ingest.exchanges.profiles import ExchangeProfile
from candle_ingest.exchanges.rate_limit import SharedRateLimit, limit_name
from candle_ingest.exchanges.request_gate import RequestGate


def usual_pace(api: Any, connection: ExchangeConnection, profile: ExchangeProfile) -> CallPace:
    """Return an exchange's initial pace: the user's `rateLimit`, else the table's, else ccxt's.

    A user's `rateLimit` is the least time between any two requests, whatever their cost or market. It applies even if
    it is shorter than what is known here.
    """
    if own_ms := connection.config.get("rateLimit"):
        return CallPace(call_seconds=max(profile.call_cost, 1) * own_ms / 1000)
    rate_limit_ms = profile.rate_limit_ms or api.rateLimit
    return CallPace(call_seconds=profile.call_cost * rate_limit_ms / 1000, market_seconds=profile.market_seconds)


def open_gate(
    api: Any,
    connection: ExchangeConnection,
    profile: ExchangeProfile,
    *,
    redis_client: RedisClient | None,
    urgent: bool,
    delay_seconds: float,
    sleep: Callable[[float], None],
) -> RequestGate:
    """Return the gate after putting it in place of ccxt's throttle. Without Redis nothing is shared."""
    if (cost_floor := _least_cost(connection)) is not None:
        _charge_at_least(api, cost_floor)
    if redis_client is None:
        return RequestGate(connection.exchange, limit=None, breaker=None, delay_seconds=delay_seconds, sleep=sleep)
    name = limit_name(connection.exchange, connection.base_url)
    limit = _shared_limit(api, connection, profile, name, redis_client, urgent=urgent)
    breaker = CircuitBreaker(redis_client, name, connection.exchange)
    gate = RequestGate(connection.exchange, limit=limit, breaker=breaker, delay_seconds=delay_seconds, sleep=sleep)
    api.throttle = gate.throttle
    return gate


def _least_cost(connection: ExchangeConnection) -> float | None:
    """Return the least cost of a request: 1 with a `rateLimit` of the user's, else None."""
    return 1.0 if connection.config.get("rateLimit") else None


def _charge_at_least(api: Any, cost_floor: float) -> None:
    """Let ccxt's own throttle charge no request less than `cost_floor`."""
    ccxts_own = api.throttle
    api.throttle = lambda cost=1: ccxts_own(max(float(cost or 1), cost_floor))


def _shared_limit(
    api: Any,
    connection: ExchangeConnection,
    profile: ExchangeProfile,
    name: str,
    redis_client: RedisClient,
    *,
    urgent: bool,
) -> SharedRateLimit:
    return SharedRateLimit(
        redis_client,
        name,
        connection.config.get("rateLimit") or profile.rate_limit_ms or api.rateLimit,
        api.throttle,
        urgent=urgent,
        least_cost=_least_cost(connection),
        market_seconds=usual_pace(api, connection, profile).market_seconds,
    )
