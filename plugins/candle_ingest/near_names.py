"""Suggest known names, of pairs or settings, for a misspelt one."""

import difflib
from collections.abc import Iterable, Sequence

MAX_SUGGESTIONS = 3
# The similarity of ETH/USD and EHT/USD.
MIN_SIMILARITY = 0.6


def near_names(name: str, known: Iterable[str]) -> Sequence[str]:
    """Return the known names that are most similar, at most MAX_SUGGESTIONS."""
    return difflib.get_close_matches(name, sorted(known), MAX_SUGGESTIONS, MIN_SIMILARITY)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean BTC/USD or ETH/USD?`, empty if no known name is similar."""
    *others, last = ["", *near_names(name, known)]
    named = " or ".join(filter(None, [", ".join(filter(None, others)), last]))
    return f"; did you mean {named}?" if named else ""


def listed_by_none(currency_pair: str, exchanges: Iterable[str], known: Iterable[str]) -> str:
    """Say that none of the exchanges lists a pair, and which of their known pairs are similar."""
    return f"{currency_pair} is listed by none of {', '.join(exchanges)}{did_you_mean(currency_pair, known)}"
