"""How a day was merged, as text: what `merge_days` stores, and what a change of settings is noticed by."""

from candle_ingest.settings import PipelineSettings


def method_in_words(settings: PipelineSettings) -> str:
    """Return how candles are merged: days that were merged in another way are merged once more."""
    minimum = f"minimum {settings.min_exchanges_required}, unobtainable {settings.unobtainable}"
    return f"{settings.merge_method}, {minimum}"
