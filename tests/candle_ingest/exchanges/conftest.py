import pytest

from dev.exchange_simulator.process import SimulatorProcess


@pytest.fixture(scope="module")
def simulator(request):
    """The simulated exchanges without limits, at the moment NOW_MS of the module."""
    with SimulatorProcess(limits=False, now_ms=request.module.NOW_MS) as process:
        yield process
