"""Times between Flux and Python."""

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import NS_PER_MS, Window


def flux_range(window: Window) -> dict[str, int]:
    """Return the params `start_ns` and `stop_ns` of a query."""
    return {"start_ns": window.start_ms * NS_PER_MS, "stop_ns": window.end_ms * NS_PER_MS}


# Beyond so many, InfluxDB is faster without the condition: the reader picks its pairs.
MOST_NAMED_PAIRS = 25


def pair_filter(pairs: Collection[str] | None, most: int = MOST_NAMED_PAIRS) -> str:
    """Return a condition on `currency_pair`, to put behind another one; empty for all pairs, or for more than `most`.

    Pairs are `BASE/QUOTE` of letters and digits, so that a JSON string is a Flux string.
    """
    if pairs is None or len(pairs) > most:
        return ""
    return f" and ({' or '.join(f'r.currency_pair == {json.dumps(pair)}' for pair in sorted(pairs))})"


def times_ms(texts: Iterable[str]) -> NDArray[np.int64]:
    """Milliseconds since 1970 of the times as InfluxDB writes them, `2026-01-01T00:00:00Z`."""
    # numpy knows no zones: the Z is cut off, most quickly by its place.
    cut: Any = [text[:-1] for text in texts]
    return np.array(cut, dtype="datetime64[ms]").astype(np.int64)


def time_ms(text: str) -> int:
    """Milliseconds since 1970 of one time as InfluxDB writes it."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)
