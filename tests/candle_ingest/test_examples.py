"""The examples in docstrings."""

import doctest
import importlib
from pathlib import Path

import pytest

import candle_ingest

PACKAGE = Path(candle_ingest.__file__).parent
WITH_EXAMPLES = sorted(path for path in PACKAGE.rglob("*.py") if ">>>" in path.read_text())


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


@pytest.mark.parametrize("name", [module_name(path) for path in WITH_EXAMPLES])
def test_the_examples_in_docstrings_are_true(name):
    done = doctest.testmod(importlib.import_module(name))
    assert done.attempted
    assert not done.failed
