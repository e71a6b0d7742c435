"""What a run is going to do."""

from dataclasses import dataclass

from candle_ingest.planning.fetch_request import FetchRequest
from candle_ingest.planning.merge_job import MergeJob


@dataclass(frozen=True, slots=True)
class Plan:
    """What is fetched and merged, how many exchanges a symbol needs, and what is left out against its will."""

    requests: list[FetchRequest]
    merges: list[MergeJob]
    min_exchanges: int
    left_out: list[str]
