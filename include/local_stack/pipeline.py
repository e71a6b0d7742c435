"""What the default pipeline is set to, and the intervals that its backfill consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from croniter import croniter

from candle_ingest.core.start_date import interval_start, parse_start_date
from candle_ingest.errors import ConfigurationError
from candle_ingest.settings import DEFAULT_PIPELINE, PipelineSettings, load_pipelines
from include.local_stack.errors import LocalStackError


@dataclass(frozen=True, kw_only=True)
class BackfillPlan:
    """The history that a run wants: from the start of the first interval to the end of the last whole one."""

    start: datetime
    end: datetime
    last_interval_start: datetime
    interval_count: int


def default_pipeline(environment: Mapping[str, str]) -> PipelineSettings:
    """The pipeline that the local stack runs, with what `environment` overrides. Raises LocalStackError."""
    try:
        return load_pipelines(environment=environment)[DEFAULT_PIPELINE]
    except ConfigurationError as error:
        raise LocalStackError(str(error)) from error
    except KeyError as error:
        raise LocalStackError(
            f"The settings have no pipeline named {DEFAULT_PIPELINE}, which the local stack runs."
        ) from error


def plan_backfill(settings: PipelineSettings, now: datetime) -> BackfillPlan | None:
    """The whole intervals between the pipeline's start date and `now`; None when there are none."""
    asked = parse_start_date(settings.backfill_start_date, now)
    if asked is None:
        return None
    first = interval_start(asked, settings.backfill_interval)
    ticks = [first]
    following = croniter(settings.backfill_interval, first, ret_type=datetime)
    while (tick := following.get_next().astimezone(UTC)) <= now:
        ticks.append(tick)
    if len(ticks) == 1:
        return None
    return BackfillPlan(start=first, end=ticks[-1], last_interval_start=ticks[-2], interval_count=len(ticks) - 1)


def last_catch_up_end(settings: PipelineSettings, now: datetime) -> datetime:
    """End of the last catch-up interval that is over at `now`."""
    moment: datetime = croniter(settings.catch_up_schedule, now, ret_type=datetime).get_prev()
    return moment.astimezone(UTC)
