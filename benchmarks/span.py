"""The total duration of several runs or task instances of Airflow."""

from collections.abc import Sequence
from datetime import datetime

from dev.local_stack.airflow_api import Row


def span_seconds(rows: Sequence[Row]) -> float:
    """Return the time from the first start to the last end, without rows that have not ended."""
    times = [
        [datetime.fromisoformat(row[key]) for key in ("start_date", "end_date")] for row in rows if row["end_date"]
    ]
    if not times:
        return 0.0
    return (max(ended for _, ended in times) - min(started for started, _ in times)).total_seconds()
