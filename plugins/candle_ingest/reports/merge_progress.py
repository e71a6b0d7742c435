"""Report how much has been merged again after a change of the settings that prices depend on."""

from collections.abc import Collection
from dataclasses import dataclass

from candle_ingest.candles.window import Window
from candle_ingest.ledger.day_records import MERGE_DAYS
from candle_ingest.ledger.merge_method_text import merge_method_text
from candle_ingest.plurals import are_some
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import EVER, RANGE, answer, flux_range, is_pair, keep, select, where

_METHODS = 'r._field == "merge_method" and r._value != ""'
_COUNT = "  |> count()\n" + keep("currency_pair", "_value")


@dataclass(frozen=True, slots=True)
class MergeProgress:
    """Of `days` merged days of pairs, `outdated` are still merged with earlier settings."""

    days: int
    outdated: int

    @property
    def sentence(self) -> str:
        """Return the progress in words; empty if everything is merged with the current settings."""
        if not self.outdated:
            return ""
        done = are_some(self.days - self.outdated, self.days, "symbol-day")
        return (
            f"The merge settings were changed: {done} merged again; repair merges the others, newest first, without "
            "requests to exchanges."
        )


def read_merge_progress(
    bucket: InfluxBucket, settings: PipelineSettings, pairs: Collection[str], window: Window | None = None
) -> MergeProgress:
    """Return the merge progress of `pairs` on the days of `window`, or on all days."""
    source = select(MERGE_DAYS, is_pair(pairs), span=RANGE if window else EVER)
    flux = "".join(
        source + where(_METHODS, condition) + _COUNT + answer(what)
        for what, condition in (("days", ""), ("outdated", "r._value != method"))
    )
    counts = {"days": 0, "outdated": 0}
    span = flux_range(window) if window else {}
    for row in bucket.query(flux, method=merge_method_text(settings), **span):
        if row["currency_pair"] in pairs:
            counts[row["what"]] += int(row["_value"])
    return MergeProgress(**counts)
