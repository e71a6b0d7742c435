"""All benchmarks by name, in the order of the table."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from benchmarks.dag_parse_time import dag_parse_time
from benchmarks.fetch_speed import fetch_speed, fetch_with_delay
from benchmarks.merge_speed import merge_speed
from benchmarks.read_speed import read_speed
from benchmarks.result import Result
from benchmarks.workbench import Workbench
from benchmarks.write_speed import write_speed

BENCHMARKS: Mapping[str, Callable[[Workbench], Result]] = MappingProxyType(
    {
        "fetch": fetch_speed,
        "fetch_delayed": fetch_with_delay,
        "merge": merge_speed,
        "write": write_speed,
        "read": read_speed,
        "dag_parse": dag_parse_time,
    }
)
