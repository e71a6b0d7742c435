"""A notifier that writes what it is told into a file: RECORDED_FAILURES names it."""

import os
from pathlib import Path

from airflow.sdk import BaseNotifier


class RecordingNotifier(BaseNotifier):
    """Renders its message like any notifier."""

    template_fields = ("message",)

    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message

    def notify(self, context) -> None:
        """Add a line to the file."""
        with Path(os.environ["RECORDED_FAILURES"]).open("a") as file:
            file.write(self.message + "\n")


record = RecordingNotifier("{{ candle_failure }}")
