"""Shorten what another program has written: it may be a whole page."""

from __future__ import annotations

_LONGEST = 1000


def shortened(text: str) -> str:
    """Return the text, or the beginning of a very long one with the number of characters left out."""
    left_out = len(text) - _LONGEST
    return f"{text[:_LONGEST]}… ({left_out:,} characters more)" if left_out > 0 else text
