"""The header `Retry-After`."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime


def retry_after_seconds(headers: Mapping[str, str] | None, now: datetime) -> float | None:
    """The seconds to wait (RFC 9110, 10.2.3: a number of seconds, or a date); None without a usable one."""
    text = next((value for key, value in (headers or {}).items() if key.lower() == "retry-after"), "")
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
