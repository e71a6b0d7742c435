"""Errors, sorted by who acts on them. Each that is raised has a name, which its message ends with."""

from candle_ingest.errors.base import (
    CandleIngestError,
    ConfigurationError,
    Notice,
    PermanentError,
    SymbolError,
    TemporaryError,
)
from candle_ingest.errors.runs import IncompleteError, NotPlannedError

__all__ = [
    "CandleIngestError",
    "ConfigurationError",
    "IncompleteError",
    "NotPlannedError",
    "Notice",
    "PermanentError",
    "SymbolError",
    "TemporaryError",
]
