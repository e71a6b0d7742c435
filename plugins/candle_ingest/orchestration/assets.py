"""The asset of a pipeline: other DAGs start when an interval of its candles is complete."""

from urllib.parse import quote

from airflow.sdk import Asset, AssetAlias

from candle_ingest.settings import PipelineSettings

GROUP = "candle_ingest"


def candles_asset(settings: PipelineSettings) -> Asset:
    """Return the asset of a pipeline's merged candles: `candle_candles` for the pipeline `candle`."""
    bucket = quote(settings.influxdb_bucket, safe="")
    return Asset(name=f"{settings.name}_candles", uri=f"influxdb://{bucket}/candles/{settings.name}", group=GROUP)


def completed_candles(settings: PipelineSettings) -> AssetAlias:
    """Return the outlet: an alias, which gets events only when the task adds them, not whenever it succeeds."""
    return AssetAlias(name=f"{settings.name}_candles_complete", group=GROUP)
