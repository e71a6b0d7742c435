"""Durations in sentences: `12 s`, `5 min`, `3.2 h`."""


def duration_in_words(seconds: float) -> str:
    """Return `< 1 s`, `12 s`, `5 min` or `3.2 h`."""
    if round(seconds) < 1:
        return "< 1 s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
