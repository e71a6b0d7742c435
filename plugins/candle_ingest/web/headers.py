"""Security headers of every response, including errors and static files."""

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Scope, Send

# The page itself: the browser refuses anything from outside this Airflow. Plotly writes inline styles.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
# Data, files and errors need nothing, even if one is opened in its own tab.
DATA_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": DATA_POLICY,
    "Cache-Control": "no-store",
}


def with_security_headers(scope: Scope, send: Send) -> Send:
    """Return a `send` that adds the headers that a response does not set itself."""
    if scope["type"] != "http":
        return send

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
