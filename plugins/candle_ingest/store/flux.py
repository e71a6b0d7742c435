"""Times between Flux and Python."""

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import DAY_MS, NS_PER_MS, Window, floor_ms


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


def from_midnight(window: Window) -> Window:
    """Return the window from the midnight before it on: the ledgers cut theirs there, so what touches it begins in it.

    Never empty: InfluxDB refuses a range without any time in it.
    """
    start_ms = floor_ms(window.start_ms, DAY_MS)
    return Window(start_ms, max(window.end_ms, start_ms + 1))


def times_ms(texts: Iterable[str]) -> NDArray[np.int64]:
    """Milliseconds since 1970 of the times as InfluxDB writes them, `2026-01-01T00:00:00Z`."""
    # numpy knows no zones: the Z is cut off, most quickly by its place.
    cut: Any = [text[:-1] for text in texts]
    return np.array(cut, dtype="datetime64[ms]").astype(np.int64)


def time_ms(text: str) -> int:
    """Milliseconds since 1970 of one time as InfluxDB writes it."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)
