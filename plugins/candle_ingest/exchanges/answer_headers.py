"""Read the headers `Date` and `Age`: when the exchange made a response, by its own clock."""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime


def answer_date_ms(headers: Mapping[str, str] | None) -> int | None:
    """Return when the response was made, in ms since 1970; None without a usable `Date`.

    `Date` (RFC 9110, 6.6.1: whole seconds) minus `Age` (RFC 9111, 5.1: seconds in caches). A CDN that responds from its
    cache may send a fresh `Date` with the age next to it: Coinbase Exchange's does (recorded 2025-08-18).
    """
    dated_ms = _date_ms(_header(headers, "date"))
    return None if dated_ms is None else dated_ms - 1000 * _age_seconds(_header(headers, "age"))


def _header(headers: Mapping[str, str] | None, name: str) -> str:
    return next((value for key, value in (headers or {}).items() if key.lower() == name), "")


def _date_ms(text: str) -> int | None:
    try:
        moment = parsedate_to_datetime(text)
        # "-0000" means UTC too, but is parsed as a time without a zone.
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _age_seconds(text: str) -> int:
    """Return 0 for anything but a number of seconds: the response then counts as fresh."""
    stripped = text.strip()
    return int(stripped) if stripped.isascii() and stripped.isdecimal() and len(stripped) < 10 else 0
