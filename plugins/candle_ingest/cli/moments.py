"""Parse and format times in commands."""

import time
from typing import Annotated

import typer

from candle_ingest.candles.dates import parse_moment_ms
from candle_ingest.candles.window import Window, format_ms
from candle_ingest.errors.settings import OptionError

From = Annotated[str, typer.Option("--from", help="The first candle opens here: 2026-11-20 or 2026-11-20T12:00Z")]
To = Annotated[str, typer.Option("--to", help="The last candle closes here; this moment is not included")]


def now_ms() -> int:
    """Return the present time in ms since 1970."""
    return time.time_ns() // 1_000_000


def moment_ms(name: str, text: str) -> int:
    """Return a moment or a date in ms since 1970 UTC. Raises ConfigurationError that names the option."""
    try:
        return parse_moment_ms(text)
    except ValueError:
        raise OptionError(f"{name} is {text!r}; write 2026-11-20 or 2026-11-20T12:00Z") from None


def window_between(start_ms: int, end_ms: int) -> Window:
    """Return [start_ms, end_ms). Raises ConfigurationError if it is empty."""
    if end_ms <= start_ms:
        raise OptionError(f"--to, {format_ms(end_ms)}, is not after --from, {format_ms(start_ms)}")
    return Window(start_ms, end_ms)


def moment_in_words(time_ms: int | None) -> str:
    """Return `2026-11-20T12:00Z`, or a dash."""
    return "-" if time_ms is None else format_ms(time_ms)
