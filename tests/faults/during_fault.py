"""What must hold while a fault lasts."""

from candle_ingest.candles.window import Window
from tests.faults.world import World


def check_store_during_fault(world: World, window: Window) -> None:
    """Check that no wrong candle was stored while the fault lasted, and that the watermark is not ahead."""
    meanwhile = world.difference(window)
    assert (meanwhile.duplicated, meanwhile.wrong) == (0, 0)
    assert (world.watermark_ms() or 0) <= world.merged_up_to(window)
