"""The diagrams of docs/development/architecture.md name functions that exist."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "development" / "architecture.md"
DIAGRAMS = re.findall(r"```mermaid\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
STAGES = ("candles", "exchanges", "store", "ledger", "fetching", "merging")
MAX_BOXES = 10


def boxes(diagram):
    """Return the names on either side of a diagram's arrows."""
    lines = [re.sub(r'-- ".*?" -->', "-->", line) for line in diagram.splitlines() if "-->" in line]
    return {name.strip() for line in lines for name in line.split("-->")}


def functions():
    """Return the names of functions and classes of the stages, methods as `Class.method`."""
    names = set()
    for stage in STAGES:
        folder = importlib.import_module(f"candle_ingest.{stage}")
        for module in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
            found = vars(importlib.import_module(module.name))
            own = {name: thing for name, thing in found.items() if getattr(thing, "__module__", "") == module.name}
            names |= set(own) | {
                f"{name}.{part}" for name, thing in own.items() for part in getattr(thing, "__dict__", ())
            }
    return names


def test_there_is_a_diagram_of_a_fetch_and_one_of_a_merge():
    assert len(DIAGRAMS) == 2


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=["fetch", "merge"])
def test_each_box_of_a_diagram_is_a_function_and_there_are_few(diagram):
    found = boxes(diagram)
    assert found - functions() == set()
    assert 5 < len(found) <= MAX_BOXES
