"""Counts in sentences: `1 run`, `2 runs`, `1,440 candles`."""


def inflected(count: int, one: str, many: str) -> str:
    """Return the word that agrees with the count."""
    return one if count == 1 else many


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return the count with its noun; `plural` is needed only if it is not the noun with an s."""
    return f"{count:,} {inflected(count, noun, plural or f'{noun}s')}"


def are(count: int, noun: str, plural: str = "") -> str:
    """Return `1 symbol is` or `2 symbols are`."""
    return f"{counted(count, noun, plural)} {inflected(count, 'is', 'are')}"


def are_all(count: int, noun: str) -> str:
    """Return `All 3 symbols are`, or `The only symbol is`."""
    return f"The only {noun} is" if count == 1 else f"All {counted(count, noun)} are"


def are_some(count: int, whole: int, noun: str, plural: str = "") -> str:
    """Return `2 of 3 symbols are`, `1 of 3 symbols is` or `0 of 1 symbol is`."""
    return f"{count:,} of {counted(whole, noun, plural)} {'is' if 1 in (count, whole) else 'are'}"
