"""One run of a pipeline and its inputs."""

from dataclasses import dataclass, field
from typing import Any

from candle_ingest.candles.dates import parse_moment_ms
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window, format_ms
from candle_ingest.errors.settings import ParamError, RangeError
from candle_ingest.ledger.merge_method_text import merge_method_text
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef
from candle_ingest.planning.run_kind import RunKind, run_kind
from candle_ingest.settings import PipelineSettings
from candle_ingest.validated_settings import with_params


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of one DAG.

    `interval` is its data interval; `start_ms` and `end_ms` come from the params and take precedence over it.
    `origin_ms` is where the DAG's history begins. `now_ms` is when the step began. `recorder` is the task that runs it,
    in its try `try_number`. `has_own_exchanges` says whether the params name other exchanges than the pipeline,
    `has_own_method` whether, for these or other params, it merges by another method, so that repair merges again.
    `retry_unobtainable` says whether a repair retries what was given up. `planned_end_ms` is where the plan of this run
    ends, None until it is planned.
    """

    settings: PipelineSettings
    kind: RunKind
    interval: Window | None
    start_ms: int | None
    end_ms: int | None
    symbols: tuple[str, ...]
    refetch: bool
    origin_ms: int | None
    now_ms: int
    recorder: TaskInstanceRef = field(default_factory=TaskInstanceRef)
    try_number: int = 1
    has_own_exchanges: bool = False
    has_own_method: bool = False
    retry_unobtainable: bool = False
    planned_end_ms: int | None = None

    @property
    def dry(self) -> bool:
        """Whether nothing may be written."""
        return self.settings.run_mode == "dry"

    @property
    def timeframe(self) -> Timeframe:
        """The length of a candle."""
        return self.settings.timeframe

    @property
    def closed_ms(self) -> int:
        """The end of the last candle that is closed by the clock, has settled, and is part of the plan."""
        closed_ms = self.timeframe.floor_ms(self.now_ms - self.settings.settle_seconds * 1000)
        return closed_ms if self.planned_end_ms is None else min(closed_ms, self.planned_end_ms)

    @property
    def wanted_end_ms(self) -> int:
        """Where the run ends: its `end` param, else the end of its interval, else now."""
        end_ms = self.end_ms if self.end_ms is not None else self.interval.end_ms if self.interval else self.closed_ms
        return self.timeframe.floor_ms(end_ms)

    def fixed_window(self) -> Window | None:
        """Return the window to fetch for every symbol; None if each continues from where it stopped."""
        if self.kind.takes_whole_interval:
            return self.backfill_window()
        return None if self.start_ms is None else self.closed_window(self.start_ms)

    @property
    def fetch_end_ms(self) -> int:
        """The end of what the run fetches: `wanted_end_ms`, but not after the last closed candle."""
        return min(self.wanted_end_ms, self.closed_ms)

    def backfill_window(self) -> Window:
        """Return the window of a backfill run, from its params or else its interval."""
        start_ms = self.start_ms if self.start_ms is not None else self.interval.start_ms if self.interval else None
        if start_ms is None or (self.end_ms is None and self.interval is None):
            raise RangeError(
                "this run has no data interval: a backfill that is triggered by hand needs the params start and end, "
                'such as {"start": "2026-01-01T00:00Z", "end": "2026-01-02T00:00Z"}'
            )
        return self.closed_window(start_ms)

    def closed_window(self, start_ms: int) -> Window:
        """Return the window from `start_ms` to the end of the run, up to the last closed candle."""
        start_ms = self.timeframe.floor_ms(start_ms)
        if self.wanted_end_ms <= start_ms:
            raise RangeError(f"the end, {format_ms(self.wanted_end_ms)}, is not after the start, {format_ms(start_ms)}")
        if start_ms >= self.closed_ms:
            raise RangeError(f"the start, {format_ms(start_ms)}, is not in the past: no candle has closed since")
        return Window(start_ms, min(self.wanted_end_ms, self.closed_ms))


def param_names(kind: str) -> list[str]:
    """Return the params that a run of this kind accepts."""
    return list(run_kind(kind).params)


def make_run(
    settings: PipelineSettings,
    kind: str,
    params: dict[str, Any],
    interval: Window | None,
    origin_ms: int | None,
    now_ms: int,
    recorder: TaskInstanceRef | None = None,
    try_number: int = 1,
) -> Run:
    """Return a run from the pipeline's settings and its params. Raises ConfigurationError naming a wrong one."""
    allowed = param_names(kind)
    if unknown := sorted(set(params) - set(allowed)):
        raise ParamError(f"unknown param {', '.join(unknown)}; allowed are {', '.join(allowed)}")
    own = with_params(settings, params)
    return Run(
        settings=own,
        kind=run_kind(kind),
        interval=interval or None,
        start_ms=_moment_ms(params, "start"),
        end_ms=_moment_ms(params, "end"),
        symbols=tuple(params.get("symbols") or ()),
        refetch=bool(params.get("refetch")),
        origin_ms=origin_ms,
        now_ms=now_ms,
        recorder=recorder or TaskInstanceRef(),
        try_number=try_number,
        has_own_exchanges=set(own.exchange_ids) != set(settings.exchange_ids),
        has_own_method=merge_method_text(own) != merge_method_text(settings),
        retry_unobtainable=bool(params.get("retry_unobtainable")),
    )


def _moment_ms(params: dict[str, Any], name: str) -> int | None:
    text = params.get(name)
    if not text:
        return None
    try:
        return parse_moment_ms(text)
    except ValueError:
        raise ParamError(f"param {name} is {text!r}; expected a moment such as 2026-01-01T00:00Z") from None
