"""How many task instances a real Airflow starts in a second, with and without the plugin that preloads."""

import shutil
from datetime import datetime
from pathlib import Path

from benchmarks.figures import Figures
from benchmarks.result import Result
from benchmarks.workbench import Workbench
from include.local_stack.airflow_processes import REPOSITORY
from tests.integration.servers.airflow_instance import AirflowInstance, migrated_home

DAG_ID = "start_rate"
_DAG = '''
"""An airflow dag whose tasks import what a fetch imports, and do nothing."""
from airflow.sdk import dag, task

@dag(schedule=None)
def start_rate():
    @task
    def fetch(number):
        import candle_ingest.tasks.fetch_candles
    fetch.expand(number=list(range({count})))

start_rate()
'''


def task_start_rate(bench: Workbench) -> Result:
    """One run of mapped instances each; the scheduler has two cores or more, SQLite and LocalExecutor."""
    count = bench.repetitions(24, 8)
    template = migrated_home(bench.folder)
    preloaded = _rate(bench.folder / "with", template, REPOSITORY / "plugins", count)
    bare = _rate(bench.folder / "without", template, _plugins_without_preload(bench.folder), count)
    return Result(
        name="task_start",
        what="task instances that a real Airflow runs in a second, each with the imports of a fetch",
        figures=Figures((preloaded,)),
        unit="/s",
        detail=f"{bare:.2f} /s without the preloading plugin",
    )


def _plugins_without_preload(folder: Path) -> Path:
    plugins = folder / "plugins"
    plugins.mkdir()
    shutil.copy(REPOSITORY / "plugins" / ".airflowignore", plugins)
    (plugins / "candle_ingest").symlink_to(REPOSITORY / "plugins" / "candle_ingest")
    return plugins


def _rate(home: Path, template: Path, plugins: Path, count: int) -> float:
    """Instances by the seconds from the first start to the last end."""
    dags = home.parent / f"{home.name}-dags"
    dags.mkdir()
    (dags / "start_rate.py").write_text(_DAG.format(count=count), encoding="utf-8")
    with AirflowInstance(template, home, {}, dags_folder=dags, plugins_folder=plugins) as airflow:
        airflow.wait_for_dag(DAG_ID)
        run_id = airflow.trigger(DAG_ID)
        airflow.wait_for_run(DAG_ID, run_id)
        rows = airflow.task_instances(DAG_ID, run_id)
    starts, ends = ([datetime.fromisoformat(row[key]) for row in rows] for key in ("start_date", "end_date"))
    return len(rows) / (max(ends) - min(starts)).total_seconds()
