"""`make plan`: show what a backfill will cost, without leaving a server running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack

from candle_ingest.servers.airflow_database import LOCAL_STACK_VARIABLE
from dev.exchange_simulator.markets import EXCHANGES as SIMULATED_EXCHANGES
from dev.exchange_simulator.process import SimulatorProcess
from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.console import StackConsole
from dev.local_stack.options import StackOptions
from dev.local_stack.run import announce, announce_scope
from dev.local_stack.stack import check_simulated, pipeline_environment, stack_folder


def show_plan(options: StackOptions, console: StackConsole) -> int:
    """Print the plan; return the exit status of the command that computes it."""
    # For simulated data, the command itself warns that the prices are invented.
    (announce_scope if options.is_simulated else announce)(options, console)
    with ExitStack() as started:
        simulator = None
        if options.is_simulated:
            check_simulated(options.exchanges)
            simulator = started.enter_context(SimulatorProcess(port=options.requested_ports.get("simulator", 0)))
        command = [sys.executable, "-m", "candle_ingest", "plan", "--symbols", ",".join(options.symbols)]
        environment = _environment(options, simulator)
        return subprocess.run(command, cwd=REPOSITORY, env=environment, check=False).returncode  # noqa: S603


def _environment(options: StackOptions, simulator: SimulatorProcess | None) -> dict[str, str]:
    """Return the environment without the settings of another Airflow or local stack.

    Importing Airflow writes into AIRFLOW_HOME.
    """
    others = ("AIRFLOW", LOCAL_STACK_VARIABLE)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(others)}
    # All of them, as rates are also planned from exchanges that are not merged.
    simulated = {
        f"AIRFLOW_CONN_CCXT_{name.upper()}": json.dumps({"conn_type": "generic", "host": simulator.exchange_url(name)})
        for name in SIMULATED_EXCHANGES
        if simulator
    }
    return {
        **inherited,
        **pipeline_environment(options),
        **simulated,
        "AIRFLOW_HOME": str(stack_folder(options) / "plan"),
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")]),
    }
