"""Notify people of failed tasks: one sentence with the symbols and exchanges, through any Airflow notifier."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from candle_ingest.errors import IncompleteError, NotPlannedError
from candle_ingest.errors.settings import NotifierError
from candle_ingest.plurals import are

# Templates of a notifier find the sentence as `{{ candle_failure }}`.
SENTENCE = "candle_failure"
MAX_SYMBOLS = 5
Callback = Callable[[Any], None]


def failure_callback(path: str) -> Callback | None:
    """Return a function for `on_failure_callback` that calls the notifier at `path`; None for an empty path.

    Raises ConfigurationError if there is nothing to call at `path`.
    """
    if not path:
        return None
    notifier = _load(path)

    def notify_of_failure(context: Any) -> None:
        cause = _cause(context)
        if isinstance(cause, NotPlannedError) or (isinstance(cause, IncompleteError) and not cause.symbols):
            return
        context[SENTENCE] = failure_sentence(context)
        notifier(context)

    return notify_of_failure


def notify(path: str, context: Any, sentence: str) -> None:
    """Send a sentence to the notifier at `path`, although no task has failed; do nothing if the path is empty."""
    if path:
        context[SENTENCE] = f"{_run_of(context)}: {sentence}"
        _load(path)(context)


def failure_sentence(context: Mapping[str, Any]) -> str:
    """Return `candle_backfill, run …: 1 symbol is not complete: BTC/USD: …; failed: kraken`."""
    error = _cause(context)
    if isinstance(error, IncompleteError):
        more = len(error.symbols) - MAX_SYMBOLS
        shown = " and ".join([*error.symbols[:MAX_SYMBOLS], *([f"{more} more"] if more > 0 else [])])
        count = len(error.symbols)
        what = f"{are(count, 'symbol')} not complete: {shown}"
    else:
        what = f"{context['ti'].task_id} failed: {' '.join(str(error).split())}"
    return f"{_run_of(context)}: {what}"


def _run_of(context: Mapping[str, Any]) -> str:
    return f"{context['ti'].dag_id}, run {context['ti'].run_id}"


def _cause(context: Mapping[str, Any]) -> BaseException | None:
    """Return the error that this package raised; permanent errors are wrapped for Airflow."""
    error: BaseException | None = context.get("exception")
    return error.__cause__ if error and error.__cause__ else error


def _load(path: str) -> Callback:
    module_name, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module_name), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise NotifierError(f"failure_notifier is {path!r}, which cannot be imported: {error}") from error
    if not callable(found):
        raise NotifierError(f"failure_notifier is {path!r}, which is neither a notifier nor a function")
    loaded: Callback = found
    return loaded
