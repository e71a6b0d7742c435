"""Errors, sorted by who acts on them."""

from collections.abc import Sequence


class CandleIngestError(Exception):
    """Base of all errors that this package raises on purpose."""


class TemporaryError(CandleIngestError):
    """The same work may succeed later: Airflow retries the task."""


class PermanentError(CandleIngestError):
    """Trying again cannot help: a person acts on what the message says. Airflow does not retry."""


class ConfigurationError(PermanentError):
    """A setting, a param or a connection is wrong. Whoever runs the pipeline corrects it."""


class SymbolError(PermanentError):
    """A text is not a symbol, or the list of symbols in Redis cannot be used."""


class IncompleteError(PermanentError):
    """Some candles could not be written, and the message names them. Clear the failed tasks to go on.

    `symbols` has a line for each symbol that is short: how many exchanges answered, and which failed.
    """

    def __init__(self, message: str, symbols: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.symbols = tuple(symbols)


class NotPlannedError(PermanentError):
    """A step before has failed, and has said why."""
