"""Recognise a TLS connection that no retry can help: a certificate that is not accepted, or no TLS at all."""

import ssl
from collections.abc import Iterator

# OpenSSL's reason for a response that is not TLS: the server speaks plain text on this port.
_NO_TLS = "WRONG_VERSION_NUMBER"


def refused_certificate(error: BaseException) -> str | None:
    """Return why no retry of a TLS connection can help, in words; None for any other error."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError) and cause.reason == _NO_TLS:
            return "it does not speak TLS on this port"
    return None


def _causes(error: object) -> Iterator[BaseException]:
    """Yield the error and what it was raised from; urllib3 keeps the inner one in `reason` or in its arguments."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
