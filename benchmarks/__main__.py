"""`python -m benchmarks`: measure all, or some, on real servers on this machine."""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks import PLUGINS

OUTSIDE = ("AIRFLOW", "CANDLE_INGEST_", "INFLUXDB_", "REDIS_")


def main(folder: Path) -> int:
    """Return exit status 0, even if a target is missed: that is not an error."""
    # Only now: importing Airflow writes files into AIRFLOW_HOME.
    from benchmarks.registry import BENCHMARKS
    from benchmarks.runner import run_benchmarks

    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less work and fewer runs; nothing is kept or written")
    parser.add_argument("--only", action="append", choices=list(BENCHMARKS), metavar="NAME", help=", ".join(BENCHMARKS))
    options = parser.parse_args()
    run_benchmarks(folder, options.only or [], quick=options.quick)
    return 0


def set_up_environment(folder: Path) -> None:
    """Remove the developer's own Airflow, servers and settings; let child processes find the package."""
    for name in [name for name in os.environ if name.startswith(OUTSIDE)]:
        del os.environ[name]
    os.environ["AIRFLOW_HOME"] = str(folder / "airflow")
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "WARNING"
    os.environ["PYTHONPATH"] = str(PLUGINS)


if __name__ == "__main__":
    # As an exception, SIGTERM too ends the servers, at the end of the blocks that started them.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="candle-ingest-bench-") as name:
        set_up_environment(Path(name))
        sys.exit(main(Path(name)))
