"""The settings of the default pipeline, and the intervals of its backfill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from croniter import croniter

from candle_ingest.candles.dates import parse_start_date, whole_intervals
from candle_ingest.pipelines import DEFAULT_PIPELINE, load_pipelines
from candle_ingest.settings import PipelineSettings
from dev.local_stack.errors import StackSettingsError


@dataclass(frozen=True, kw_only=True)
class BackfillPlan:
    """The history of a run: from the start of the first interval to the end of the last complete one."""

    start: datetime
    end: datetime
    last_interval_start: datetime
    interval_count: int


def default_pipeline(environment: Mapping[str, str]) -> PipelineSettings:
    """Return the pipeline that the local stack runs, with overrides from `environment`."""
    found = load_pipelines(environment=environment)
    if DEFAULT_PIPELINE not in found:
        raise StackSettingsError(f"The settings have no pipeline named {DEFAULT_PIPELINE}, which the local stack runs.")
    return found[DEFAULT_PIPELINE]


def pipeline_buckets(environment: Mapping[str, str]) -> list[str]:
    """Return the InfluxDB buckets of all pipelines."""
    return sorted({settings.influxdb_bucket for settings in load_pipelines(environment=environment).values()})


def plan_backfill(settings: PipelineSettings, now: datetime) -> BackfillPlan | None:
    """Return the complete intervals between the pipeline's start date and `now`; None if there are none."""
    start_date = parse_start_date(settings.backfill_start_date, now)
    if start_date is None:
        return None
    intervals = whole_intervals(start_date, settings.backfill_interval, now)
    if not intervals:
        return None
    start, last_start, end = (
        datetime.fromtimestamp(time_ms / 1000, tz=UTC)
        for time_ms in (intervals[0].start_ms, intervals[-1].start_ms, intervals[-1].end_ms)
    )
    return BackfillPlan(start=start, end=end, last_interval_start=last_start, interval_count=len(intervals))


def last_catch_up_end(settings: PipelineSettings, now: datetime) -> datetime:
    """Return the end of the last catch-up interval that is over at `now`."""
    moment: datetime = croniter(settings.catch_up_schedule, now, ret_type=datetime).get_prev()
    return moment.astimezone(UTC)
