"""Who records: the task whose log tells more."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInstanceRef:
    """One instance of a task in Airflow; -1 where it is not mapped."""

    dag_id: str = ""
    run_id: str = ""
    map_index: int = -1
