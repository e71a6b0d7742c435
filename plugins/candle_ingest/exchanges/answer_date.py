"""The header `Date`: what time it was, by the server's own clock, when it answered."""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime


def answer_date_ms(headers: Mapping[str, str] | None) -> int | None:
    """Milliseconds since 1970 (RFC 9110, 6.6.1: whole seconds); None without a usable one."""
    text = next((value for key, value in (headers or {}).items() if key.lower() == "date"), "")
    try:
        moment = parsedate_to_datetime(text)
        # "-0000" says UTC too, and leaves the moment without a zone.
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
