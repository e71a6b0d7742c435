"""Errors, sorted by who acts on them."""


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
    """Some candles could not be written, and the message names them. Clear the failed tasks to go on."""
