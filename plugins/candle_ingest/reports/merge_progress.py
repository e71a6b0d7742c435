"""How far history has got in being merged again, after a change of the settings that a price depends on."""

from collections.abc import Collection
from dataclasses import dataclass

from candle_ingest.ledger.day_records import MERGE_DAYS
from candle_ingest.ledger.merge_method import method_in_words
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import EVER, answer, is_pair, keep, select, where

_METHODS = 'r._field == "merge_method" and r._value != ""'
_COUNT = "  |> count()\n" + keep("currency_pair", "_value")


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
    source = select(MERGE_DAYS, is_pair(pairs), span=EVER)
    flux = "".join(
        source + where(_METHODS, condition) + _COUNT + answer(what)
        for what, condition in (("days", ""), ("outdated", "r._value != method"))
    )
    counts = {"days": 0, "outdated": 0}
    for row in bucket.query(flux, method=method_in_words(settings)):
        if row["currency_pair"] in pairs:
            counts[row["what"]] += int(row["_value"])
    return MergeProgress(**counts)
