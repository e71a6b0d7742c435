"""Describe an explanation in the words that the page and the terminal share."""

from collections.abc import Sequence
from dataclasses import dataclass

from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.minute_state import SETTLED
from candle_ingest.reports.explanation import EXCLUDED, NOT_MERGED, REMOVED, Explanation, Part

GOOD, WARN, BAD, PLAIN = "good", "warn", "bad", "plain"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to say about a minute: `kind` is good, warn, bad or plain."""

    kind: str
    title: str
    text: str = ""

    def __str__(self) -> str:
        return f"{self.title} {self.text}".strip()


def verdict(found: Explanation) -> Verdict:
    """Return whether the minute is as it should be, and what happens next if it is not."""
    if not found.is_merged:
        return _not_merged(found)
    if not found.agrees:
        return _outdated(found)
    if not found.is_complete:
        return Verdict(WARN, "Merged, but not complete.", _missing(found.parts))
    if found.stored_candle is None:
        return _without_candle(found)
    return Verdict(GOOD, f"{_progress(found)}: the stored candle matches its parts.", _of_grade(found))


def part_in_words(part: Part) -> str:
    """Return how one exchange was used: `used, BTC/USDT × 0.9985 (USDT/USD: kraken), clamped: low -10.0 %`."""
    if part.state == REMOVED:
        return "not used, it is no longer one of the pipeline's exchanges"
    if part.candle is None:
        reason = f": {part.stretch.reason}" if part.stretch and part.stretch.reason else ""
        return f"{part.state.replace('_', ' ')}{reason}"
    conversion = f" {part.priced.conversion}" if part.priced and part.priced.conversion else ""
    notes = list(part.priced.notes) if part.priced else []
    # The notes of an excluded part say so.
    state = [] if part.state == EXCLUDED and notes else [part.state]
    return ", ".join([*state, f"{part.candle.market}{conversion}", *notes])


def _not_merged(found: Explanation) -> Verdict:
    if not found.was_asked:
        return Verdict(PLAIN, "Not asked for.", found.when_asked)
    answered = f"{found.answered} of {found.rules.needed} needed answered"
    stored = [part.exchange for part in found.parts if part.candle is not None and part.state != REMOVED]
    what = f"Stored: the candles of {_listed(stored)}." if stored else "No candle is stored."
    if found.waiting:
        return Verdict(WARN, f"Not merged: {answered}.", f"{found.waiting}. {what}")
    if found.answered < found.rules.needed:
        return Verdict(WARN, f"Not merged: {answered}.", f"{_missing(found.parts)} {what}".strip())
    return Verdict(PLAIN, f"Not merged yet: {answered}.", f"The next run merges it. {what}")


def _outdated(found: Explanation) -> Verdict:
    if found.was_merged_otherwise and found.day:
        return Verdict(
            WARN,
            "Merged with settings that have changed since.",
            f"It was merged with {found.day.method}. Repair merges it again, newest days first, without requests to "
            "exchanges.",
        )
    if any(part.stretch and part.stretch.candle_lost for part in found.parts):
        return Verdict(WARN, "Merged from candles that are gone now.", _missing(found.parts))
    return Verdict(
        BAD,
        "The stored candle does not match its parts.",
        "A candle or a rate was corrected after the merge: the next repair run merges the day again.",
    )


def _without_candle(found: Explanation) -> Verdict:
    excluded = [part.exchange for part in found.parts if part.state == EXCLUDED]
    if excluded:
        return Verdict(WARN, "Merged without a candle.", f"None can be made of {_listed(excluded)}: see the reasons.")
    return Verdict(GOOD, f"{_progress(found)}: there were no trades, so there is no candle.")


def _progress(found: Explanation) -> str:
    """Return the state of the day in words. Complete always means that all exchanges have a final record."""
    return "Complete" if found.day and found.day.state == RecordState.FINAL else "Not final yet"


def _missing(parts: Sequence[Part]) -> str:
    """Return a sentence about each exchange whose answer is missing or came after the merge."""
    missing = [part for part in parts if part.candle is None and part.state not in (REMOVED, *SETTLED)]
    late = [part.exchange for part in parts if part.state == NOT_MERGED]
    texts = [f"{part.exchange} {part_in_words(part)}" for part in missing]
    texts += [f"{_listed(late)} answered after the merge"] if late else []
    return "; ".join(texts) + "." if texts else ""


def _of_grade(found: Explanation) -> str:
    state = found.day.state.value if found.day else "provisional"
    return f"Grade {found.grade}, {state}."


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else ""
