"""The three kinds of runs, and how they differ."""

from dataclasses import dataclass

from candle_ingest.errors.settings import ParamError

BACKFILL_KEY, CATCH_UP_KEY = "backfill", "catch_up"
# A repair takes no start or end: it decides by itself what to request, and when.
_FOR_EVERY_RUN = ("symbols", "exchanges", "min_exchanges_required")
_ALL_PARAMS = (*_FOR_EVERY_RUN, "run_mode", "dry_run_limit", "start", "end", "refetch")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKind:
    """How one of the three DAGs differs from the others.

    `priority` is Airflow's priority weight. With `retries_fetches`, Airflow retries failed fetches; without it, the
    next run retries what is open. `params` are those of the trigger form. `watermarks` are the suffixes of the
    watermark keys that it moves. With `takes_whole_interval`, its whole data interval is fetched, which must be over.
    With `fails_when_incomplete`, minutes of its interval that wait for an exchange fail the run. With `is_urgent`, its
    requests go first at an exchange that is busy.
    """

    name: str
    priority: int
    retries_fetches: bool
    params: tuple[str, ...]
    watermarks: tuple[str, ...]
    takes_whole_interval: bool
    fails_when_incomplete: bool
    is_urgent: bool

    def __str__(self) -> str:
        return self.name


BACKFILL = RunKind(
    name="backfill",
    priority=1,
    retries_fetches=True,
    params=_ALL_PARAMS,
    watermarks=(BACKFILL_KEY,),
    takes_whole_interval=True,
    fails_when_incomplete=True,
    is_urgent=False,
)
# Catch-up comes first: late candles matter more than late history.
CATCH_UP = RunKind(
    name="catch_up",
    priority=10,
    retries_fetches=True,
    params=_ALL_PARAMS,
    watermarks=(CATCH_UP_KEY,),
    takes_whole_interval=False,
    fails_when_incomplete=True,
    is_urgent=True,
)
# A repair may complete what either of the other two waited for.
REPAIR = RunKind(
    name="repair",
    priority=5,
    retries_fetches=False,
    params=(*_FOR_EVERY_RUN, "retry_unobtainable"),
    watermarks=(BACKFILL_KEY, CATCH_UP_KEY),
    takes_whole_interval=False,
    fails_when_incomplete=False,
    is_urgent=False,
)
RUN_KINDS = {kind.name: kind for kind in (BACKFILL, CATCH_UP, REPAIR)}


def run_kind(name: str) -> RunKind:
    """Return the run kind with this name. Raises ParamError for any other name."""
    if name not in RUN_KINDS:
        raise ParamError(f"no kind of run is called {name!r}; the kinds are {', '.join(RUN_KINDS)}")
    return RUN_KINDS[name]
