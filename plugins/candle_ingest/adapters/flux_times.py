"""Times between Flux and Python."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candle_ingest.core.window import Window

NS_PER_MS = 1_000_000


def flux_range(window: Window) -> dict[str, int]:
    """The params `start_ns` and `stop_ns` of a query."""
    return {"start_ns": window.start_ms * NS_PER_MS, "stop_ns": window.end_ms * NS_PER_MS}


def times_ms(texts: Iterable[str]) -> NDArray[np.int64]:
    """Milliseconds since 1970 of the times as InfluxDB writes them, `2026-01-01T00:00:00Z`."""
    cut: Any = [text.removesuffix("Z") for text in texts]
    return np.array(cut, dtype="datetime64[ms]").astype(np.int64)
