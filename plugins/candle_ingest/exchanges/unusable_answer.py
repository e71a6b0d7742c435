"""Describe a response that is not what the exchange's API describes."""

from typing import Any

# Enough to recognise a login page, a challenge or cut-off JSON.
MAX_BEGINNING_LENGTH = 80


def is_not_json(api: Any) -> bool:
    """Tell whether ccxt's last response was not a JSON object or list."""
    return api.last_body is not None and api.last_json_response is None


def describe_unusable(api: Any, request: str, error: Exception | None = None) -> str:
    """Return what was requested, and what is wrong with ccxt's last response.

    If that was not a JSON object or list, show how it begins; otherwise the error raised while it was read, if any.
    Control characters are still in the text.
    """
    text = f"{request}: the answer is not what its API describes"
    if is_not_json(api):
        return f"{text}: {_beginning(api.last_body)}"
    return f"{text} ({error!r})" if error else text


def _beginning(body: str) -> str:
    body = body.strip()
    if not body:
        return "it is empty"
    shown = body if len(body) <= MAX_BEGINNING_LENGTH else f"{body[:MAX_BEGINNING_LENGTH]}…"
    return f"it is not JSON, and begins with {shown}"
