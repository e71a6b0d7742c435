"""Run the benchmarks that take seconds, so that a broken one is noticed."""

import pytest

from benchmarks import PLUGINS
from benchmarks.registry import BENCHMARKS
from benchmarks.workbench import Workbench

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with Workbench(tmp_path_factory.mktemp("bench"), quick=True) as workbench:
        yield workbench


@pytest.mark.parametrize(
    "name",
    [
        "fetch",
        "calls",
        "merge",
        "write",
        "read",
        "dag_parse",
        "fetch_memory",
        "merge_memory",
        "ledger_points",
        "ledger_read",
        "ledger_repair",
        "ledger_coverage",
        "run_xcom",
    ],
)
def test_a_benchmark_returns_a_figure(bench, name, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(PLUGINS))
    result = BENCHMARKS[name](bench)
    assert result.name == name
    assert result.figures.lowest > 0
