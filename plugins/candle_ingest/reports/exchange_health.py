"""Report how the exchanges have answered recently, from the record of every fetch."""

from collections.abc import Iterable
from dataclasses import dataclass

from candle_ingest.candles.window import Window
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import answer, flux_range, select, times_ms

UP, PARTLY, FAILING, NO_DATA = "up", "partly failing", "failing", "no data"
_OK = 'r._value == "ok"'
_SUM = 'sum() |> group(columns: ["exchange"]) |> sum()'
_COUNT = 'count() |> group(columns: ["exchange"]) |> sum()'
_MEDIAN, _P95 = (f'toFloat() |> group(columns: ["exchange"]) |> quantile(q: {share})' for share in (0.5, 0.95))
_LAST = 'last() |> keep(columns: ["exchange", "currency_pair", "_time", "_value"])'
_READ = "".join(
    select("fetch_attempts", f'r._field == "{field}"', condition) + f"  |> {aggregate}\n" + answer(what)
    for what, field, condition, aggregate in (
        ("ok", "outcome", _OK, _COUNT),
        ("failed", "outcome", 'r._value == "failed"', _COUNT),
        ("calls", "calls", "", _SUM),
        ("candles", "candles", "", _SUM),
        ("median_ms", "duration_ms", "", _MEDIAN),
        ("p95_ms", "duration_ms", "", _P95),
        ("last", "outcome", "", _LAST),
        ("last_ok", "outcome", _OK, _LAST),
        ("last_reason", "reason", 'r._value != ""', _LAST),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeHealth:
    """One exchange in a span of time; durations are those of whole fetches.

    `state` is `up`, `partly failing` or `failing` by the last fetch of each symbol, or `no data` without any fetch.
    """

    exchange: str
    state: str
    ok: int
    failed: int
    calls: int
    candles: int
    median_ms: float | None
    p95_ms: float | None
    symbols: int
    symbols_failing: list[str]
    last_success_ms: int | None
    last_failure_ms: int | None
    last_reason: str
    last_reason_pair: str


def read_exchange_health(bucket: InfluxBucket, window: Window, exchanges: Iterable[str]) -> list[ExchangeHealth]:
    """Return the health of all exchanges of the pipeline, and of others asked in `window`."""
    rows = bucket.query(_READ, **flux_range(window))
    names = sorted({*exchanges, *(row["exchange"] for row in rows)})
    return [_health(name, [row for row in rows if row["exchange"] == name]) for name in names]


def _health(exchange: str, rows: list[dict[str, str]]) -> ExchangeHealth:
    sums = {row["what"]: float(row["_value"]) for row in rows if not row["what"].startswith("last")}
    last = [row for row in rows if row["what"] == "last"]
    failing = sorted(row["currency_pair"] for row in last if row["_value"] == "failed")
    reason = max((row for row in rows if row["what"] == "last_reason"), key=lambda row: row["_time"], default=None)
    return ExchangeHealth(
        exchange=exchange,
        state=health_state(len(last), len(failing)),
        ok=int(sums.get("ok", 0)),
        failed=int(sums.get("failed", 0)),
        calls=int(sums.get("calls", 0)),
        candles=int(sums.get("candles", 0)),
        median_ms=sums.get("median_ms"),
        p95_ms=sums.get("p95_ms"),
        symbols=len(last),
        symbols_failing=failing,
        last_success_ms=_newest_ms(row for row in rows if row["what"] == "last_ok"),
        last_failure_ms=_newest_ms([reason] if reason else []),
        last_reason=reason["_value"] if reason else "",
        last_reason_pair=reason["currency_pair"] if reason else "",
    )


def health_state(symbols: int, failing: int) -> str:
    """Return the state by the last fetch of each symbol."""
    if not symbols:
        return NO_DATA
    if not failing:
        return UP
    return FAILING if failing == symbols else PARTLY


def _newest_ms(rows: Iterable[dict[str, str]]) -> int | None:
    newest = max((row["_time"] for row in rows), default=None)
    return None if newest is None else int(times_ms([newest])[0])
