"""Suggest known pairs for a misspelt one."""

import difflib
from collections.abc import Iterable, Sequence

MOST_NEAR = 3
# The similarity of ETH/USD and EHT/USD.
LEAST_LIKENESS = 0.6


def near_pairs(currency_pair: str, known: Iterable[str]) -> Sequence[str]:
    """Return the known pairs that are most similar, at most MOST_NEAR."""
    return difflib.get_close_matches(currency_pair, sorted(known), MOST_NEAR, LEAST_LIKENESS)


def did_you_mean(currency_pair: str, known: Iterable[str]) -> str:
    """Return `; did you mean BTC/USD or ETH/USD?`, empty if no known pair is similar."""
    *others, last = ["", *near_pairs(currency_pair, known)]
    named = " or ".join(filter(None, [", ".join(filter(None, others)), last]))
    return f"; did you mean {named}?" if named else ""
