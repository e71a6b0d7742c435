"""One run, from the first process to the table, in a thread beside honcho's loop."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import requests

from candle_ingest.errors import CandleIngestError
from candle_ingest.plurals import counted
from candle_ingest.settings import PipelineSettings
from dev.local_stack.airflow_api import AirflowApi
from dev.local_stack.airflow_processes import ADMIN
from dev.local_stack.backfill_run import BackfillRun
from dev.local_stack.bring_up import bring_up
from dev.local_stack.catch_up_run import CatchUpRun, follow
from dev.local_stack.console import StackConsole
from dev.local_stack.errors import StackIncompleteError
from dev.local_stack.manager import EndedError, StackManager
from dev.local_stack.next_steps import open_page, show_next_steps, show_servers
from dev.local_stack.pipeline import BackfillPlan, last_catch_up_end, plan_backfill
from dev.local_stack.progress import backfill_display
from dev.local_stack.report import SymbolReport, read_reports
from dev.local_stack.report_table import report_table, what_is_missing
from dev.local_stack.stack import LocalStack
from dev.local_stack.unfinished_runs import end_unfinished_runs

_POLL_SECONDS = 2.0


class Session(threading.Thread):
    """Brings up the servers, follows the backfill, and shows the table; `problem` says what went wrong."""

    def __init__(
        self, stack: LocalStack, settings: PipelineSettings, manager: StackManager, console: StackConsole
    ) -> None:
        super().__init__(name="session", daemon=True)
        self._stack = stack
        self._settings = settings
        self._manager = manager
        self._console = console
        password, log = stack.secrets.airflow_admin_password, manager.log_file("api-server")
        self._api = AirflowApi(stack.airflow.url, ADMIN, password, log)
        self.problem: str | None = None
        self._incomplete: list[str] = []
        self.is_complete = False

    def run(self) -> None:
        """Do the work, and end the processes when it is complete with ONCE=1 or cannot continue."""
        try:
            self._work()
        except EndedError:
            return
        except (CandleIngestError, requests.RequestException) as error:
            # While the processes end, unanswered requests are expected.
            if not self._manager.is_ending:
                self.problem = str(error)
        finally:
            # Also after an unforeseen error, which Python shows with its traceback.
            if self._stack.options.once or not self.is_complete:
                self._manager.terminate()

    def _work(self) -> None:
        settings = self._settings
        bring_up(self._stack, settings, self._manager, self._api, self._console.say)
        dag_ids = (settings.backfill_dag_id, settings.catch_up_dag_id, settings.repair_dag_id)
        if ended := end_unfinished_runs(self._api, dag_ids):
            self._console.say(f"Ended {counted(ended, 'run')} that an earlier run of the stack had left unfinished")
        plan = plan_backfill(self._settings, datetime.now(UTC))
        failed = self._backfill(plan) if plan else 0
        end = self._catch_up()
        start = plan.start if plan else end - timedelta(days=self._settings.catch_up_initial_days)
        self.finish(start, end, failed)

    def finish(self, start: datetime, end: datetime, failed: int) -> None:
        """Show what is stored in the range of the run, and what is missing; `failed` runs of the backfill failed."""
        symbols = self._show_table(start, end)
        if failed:
            self._incomplete.append(
                f"{counted(failed, 'run')} of {self._settings.backfill_dag_id} failed: see the lines above"
            )
        if self._incomplete:
            self.problem = str(StackIncompleteError("; ".join(self._incomplete)))
        self._show_end(symbols)
        self.is_complete = True

    def _backfill(self, plan: BackfillPlan) -> int:
        """Run the backfill to its end; return the number of failed runs."""
        backfill = BackfillRun(self._api, self._settings.backfill_dag_id, plan)
        reruns = backfill.start(self._stack.options, self._stack.folder / "last_run.json")
        if reruns.sentence:
            self._console.say(reruns.sentence)
        with backfill_display(self._console, f"Backfill since {plan.start:%Y-%m-%d}") as display:
            while True:
                counts = backfill.counts()
                display.show(counts)
                for line in backfill.new_failures() if counts.failed else ():
                    self._console.error(line)
                if counts.is_finished:
                    return counts.failed
                self._manager.pause(_POLL_SECONDS)

    def _catch_up(self) -> datetime:
        """Start catch-up, wait until it has reached the present once, and return the end of that run's interval.

        Call it only after the backfill: without the backfill's watermark, catch-up would fetch the last days itself.
        """
        dag_id = self._settings.catch_up_dag_id
        wanted = last_catch_up_end(self._settings, datetime.now(UTC))
        run = CatchUpRun(self._api, dag_id, wanted)
        self._console.say(f"Catching up to {wanted:%H:%M} UTC")
        run.start()
        finished = follow(run, self._console.say, self._manager.pause, self._manager.log_file("scheduler"))
        end = datetime.fromisoformat(finished["data_interval_end"])
        if finished["state"] == "failed":
            self._incomplete.append(f"the run of {dag_id} up to {end:%H:%M} UTC failed: see its tasks in Airflow")
        return end

    def _show_table(self, start: datetime, end: datetime) -> list[SymbolReport]:
        options = self._stack.options
        symbols = read_reports(self._stack, start, end)
        width = self._console.console.width
        self._console.show(report_table(symbols, start, end, simulated=options.is_simulated, width=width))
        self._console.say(
            "The table counts merged candles, once per symbol; candle-ingest coverage counts each exchange"
        )
        requested = () if options.redis and not options.symbols_given else options.symbols
        if missing := what_is_missing(symbols, requested):
            self._incomplete.insert(0, missing)
        return symbols

    def _show_end(self, symbols: list[SymbolReport]) -> None:
        stack, say = self._stack, self._console.say
        if stack.options.once:
            return
        self._api.set_paused(self._settings.repair_dag_id, paused=False)
        if self.problem:
            self._console.error(self.problem)
        show_servers(stack, self._settings, say)
        show_next_steps(stack, symbols, say)
        if stack.options.open_page:
            open_page(stack, say)
