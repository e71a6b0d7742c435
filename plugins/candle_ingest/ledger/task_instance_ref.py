"""The task instance that made a record; its log has the details."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInstanceRef:
    """One task instance in Airflow; the map index is -1 if it is not mapped."""

    dag_id: str = ""
    run_id: str = ""
    map_index: int = -1
