import re
from pathlib import Path

TESTS = Path(__file__).parent
LONGEST = 79


def test_the_name_of_a_test_is_short_enough_to_scan():
    names = (name for path in TESTS.rglob("*.py") for name in re.findall(r"def (test_\w+)", path.read_text("utf-8")))
    assert [name for name in names if len(name) > LONGEST] == []
