"""All benchmarks by name, in the order of the table."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from benchmarks.backfill_rate import backfill_rate
from benchmarks.dag_parse_time import dag_parse_time
from benchmarks.fetch_speed import fetch_speed, fetch_with_delay
from benchmarks.fewest_calls import fewest_calls
from benchmarks.interval_length import interval_length
from benchmarks.ledger_scale import ledger_coverage, ledger_points, ledger_read, ledger_repair, run_xcom
from benchmarks.merge_speed import merge_speed
from benchmarks.read_speed import read_speed
from benchmarks.result import Result
from benchmarks.task_memory import fetch_memory, merge_memory
from benchmarks.thousand_symbols import thousand_symbols
from benchmarks.workbench import Workbench
from benchmarks.write_speed import write_speed
from benchmarks.year_within_limits import year_with_wide_limits, year_within_limits

BENCHMARKS: Mapping[str, Callable[[Workbench], Result]] = MappingProxyType(
    {
        "fetch": fetch_speed,
        "fetch_delayed": fetch_with_delay,
        "calls": fewest_calls,
        "merge": merge_speed,
        "write": write_speed,
        "read": read_speed,
        "year": year_within_limits,
        "year_wide": year_with_wide_limits,
        "dag_parse": dag_parse_time,
        "fetch_memory": fetch_memory,
        "merge_memory": merge_memory,
        "task_start": backfill_rate,
        "interval": interval_length,
        "ledger_points": ledger_points,
        "ledger_read": ledger_read,
        "ledger_repair": ledger_repair,
        "ledger_coverage": ledger_coverage,
        "run_xcom": run_xcom,
        "thousand": thousand_symbols,
    }
)
