"""Counts that a user reads agree with their nouns: `1 run`, not `1 runs`."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("plugins/candle_ingest", "dev/local_stack")
NOUNS = (
    "bars?|calls|candles|days|exchanges|facts|failures|fetches|hours|intervals|lines|looks|markets|minutes|pairs|points"
    "|records|requests|retries|rows|runs|slots|stretches|symbols|tasks|tries|windows"
)
# A number, then perhaps one more word, then a noun that cannot agree with it.
COUNT = re.compile(rf"(\{{[^{{}}]*\}}|%[dis]) (?:more |open |other |merged |spot )?({NOUNS})\b")
# Always several: constants, and counts for which one has a text of its own.
SEVERAL = re.compile(r"\{[A-Z_]{3,}[^a-z]*\}|SECONDS|_ms|self\._attempts|len\(pairs\)|rows|extras|timeout_seconds|most")
NO_COUNT = re.compile(r"timeframe|_dag_id")
# Other programs know the first three of these lines of the log; the others have no count of one, or none at all.
KNOWN_LINES = (
    "Multi-exchange mode: ", "Symbol validation: ", "Successfully processed ",
    "it is asked for %d candles at a time", "they are built from its %s candles",
)  # fmt: skip


def wrong_counts(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for found in COUNT.finditer(line):
            if (
                not SEVERAL.search(found[1])
                and not NO_COUNT.search(found[1])
                and not any(known in line for known in KNOWN_LINES)
            ):
                yield f"{path.relative_to(REPOSITORY)}:{number}: {found[0]}"


def test_no_count_precedes_a_noun_that_is_always_plural():
    paths = [path for folder in FOLDERS for path in sorted((REPOSITORY / folder).rglob("*.[pj][ys]"))]
    assert [wrong for path in paths for wrong in wrong_counts(path)] == []
