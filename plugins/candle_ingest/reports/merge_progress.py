"""How far history has got in being merged again, after a change of the settings that a price depends on."""

from collections.abc import Collection
from dataclasses import dataclass

from candle_ingest.candles.window import Window
from candle_ingest.ledger.merge_method import method_in_words
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, pair_filter

ALL_TIME = Window(0, 4_102_444_800_000)
_COUNT = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "merge_days" and r._field == "merge_method"{pairs})
  |> filter(fn: (r) => r._value != ""{condition})
  |> count()
  |> keep(columns: ["currency_pair", "_value"])
  |> set(key: "what", value: "{what}")
  |> yield(name: "{what}")
"""


@dataclass(frozen=True, slots=True)
class MergeProgress:
    """Of `days` of pairs that are merged, `outdated` are still merged by other settings than those of now."""

    days: int
    outdated: int

    @property
    def sentence(self) -> str:
        """Return the progress in words; empty where all is merged by the settings of now."""
        if not self.outdated:
            return ""
        return (
            f"The settings of merging were changed: {self.days - self.outdated:,} of {self.days:,} days of symbols are "
            "merged again; repair goes on, newest first, without asking an exchange."
        )


def read_merge_progress(bucket: InfluxBucket, settings: PipelineSettings, pairs: Collection[str]) -> MergeProgress:
    """Return the progress of `pairs`."""
    flux = "".join(
        _COUNT.replace("{pairs}", pair_filter(pairs)).replace("{condition}", condition).replace("{what}", what)
        for what, condition in (("days", ""), ("outdated", " and r._value != method"))
    )
    counts = {"days": 0, "outdated": 0}
    for row in bucket.query(flux, method=method_in_words(settings), **flux_range(ALL_TIME)):
        if row["currency_pair"] in pairs:
            counts[row["what"]] += int(row["_value"])
    return MergeProgress(**counts)
