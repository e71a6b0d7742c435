"""The header `Retry-After`."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

# The longest ban that an exchange documents: binance's, three days. A longer one is taken for a mistake.
MAX_WAIT_SECONDS = 3 * 86_400.0


def retry_after_seconds(headers: Mapping[str, str] | None, now: datetime) -> float | None:
    """Return the seconds to wait (RFC 9110, 10.2.3: a number of seconds, or a date), at most three days.

    None without a usable one.
    """
    text = next((value for key, value in (headers or {}).items() if key.lower() == "retry-after"), "")
    if text.strip().isdecimal():
        return min(float(text), MAX_WAIT_SECONDS)
    try:
        return min(max(0.0, (parsedate_to_datetime(text) - now).total_seconds()), MAX_WAIT_SECONDS)
    except (ValueError, TypeError, OverflowError):
        return None
