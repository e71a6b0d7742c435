"""The merge method as text: `merge_days` stores it, so that a change of settings is noticed."""

from candle_ingest.settings import PipelineSettings


def merge_method_text(settings: PipelineSettings) -> str:
    """Return the merge method as text; days that were merged by another method are merged again.

    It names the exchanges, in an order of its own: the order in the settings changes no candle.
    """
    minimum = f"minimum {settings.min_exchanges_required}, unobtainable {settings.unobtainable}"
    return f"{settings.merge_method}, {minimum}, exchanges {', '.join(sorted(settings.exchange_ids))}"
