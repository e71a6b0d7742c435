"""Store the latest findings in InfluxDB, for the page.

`exchange_facts`: tags `exchange`, `fact`; fields `expected`, `seen`, `verdict` text; time when they were found.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from influxdb_client import Point

from candle_ingest.candles.window import NS_PER_MS
from candle_ingest.doctor.finding import Finding, Verdict
from candle_ingest.store.bucket import InfluxBucket

MEASUREMENT = "exchange_facts"
_LAST = """
from(bucket: bucket) |> range(start: 0)
  |> filter(fn: (r) => r._measurement == "exchange_facts")
  |> last()
  |> map(fn: (r) => ({r with at_ms: int(v: r._time) / 1000000}))
  |> keep(columns: ["at_ms", "exchange", "fact", "_field", "_value"])
"""


@dataclass(frozen=True, slots=True)
class DatedFinding:
    """A finding, and when it was made, in ms since 1970 UTC."""

    found_ms: int
    finding: Finding


def write_findings(bucket: InfluxBucket, findings: Iterable[Finding], found_ms: int) -> None:
    """Store findings; older ones on the same facts are kept, but no longer count."""
    points = []
    for finding in findings:
        point = Point(MEASUREMENT).tag("exchange", finding.exchange).tag("fact", finding.fact)
        for name in ("expected", "seen", "verdict"):
            point.field(name, str(getattr(finding, name)))
        points.append(point.time(found_ms * NS_PER_MS))
    bucket.write_points(points)


def read_findings(bucket: InfluxBucket) -> list[DatedFinding]:
    """Return the newest finding on each fact of each exchange, sorted by name."""
    fields: dict[tuple[str, str], dict[str, str]] = {}
    for row in bucket.query(_LAST):
        found = fields.setdefault((row["exchange"], row["fact"]), {"at_ms": row["at_ms"]})
        found[row["_field"]] = row["_value"]
    return [
        DatedFinding(
            int(found["at_ms"]), Finding(exchange, fact, found["expected"], found["seen"], Verdict(found["verdict"]))
        )
        for (exchange, fact), found in sorted(fields.items())
    ]
