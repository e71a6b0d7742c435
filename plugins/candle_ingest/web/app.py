"""The app behind the page. All of its routes require a sign-in, including those added later."""

from typing import Any
from urllib.parse import urlencode

from airflow.api_fastapi.app import get_auth_manager
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import Receive, Scope, Send

from candle_ingest.errors import CandleIngestError, TemporaryError
from candle_ingest.errors.servers import BucketMissingError
from candle_ingest.web import routes, static_files
from candle_ingest.web.access import SIGNED_IN
from candle_ingest.web.address import BadAddressError
from candle_ingest.web.headers import with_security_headers
from candle_ingest.web.limiter import BusyError

RETRY_AFTER_SECONDS = "1"


class Page(FastAPI):
    """Adds the security headers outermost, so that no error handler can leave them out."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await super().__call__(scope, receive, with_security_headers(scope, send))


def build_app() -> Page:
    """Return the app. Call this in Airflow's API server, once that serves requests."""
    # FastAPI's own documentation pages would be open to everyone.
    app = Page(title="Candles", openapi_url=None, docs_url=None, redoc_url=None, dependencies=[SIGNED_IN])
    app.state.auth_manager = get_auth_manager()
    app.include_router(static_files.router)
    app.include_router(routes.router)
    handlers: dict[Any, Any] = {
        StarletteHTTPException: _http_error,
        BadAddressError: _bad_address,
        RequestValidationError: _bad_value,
        BusyError: _busy,
        CandleIngestError: _storage_trouble,
        Exception: _defect,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
    return app


def _http_error(request: Request, error: StarletteHTTPException) -> Response:
    """Redirect a person who is not signed in to the sign-in and back; give a program the status."""
    if error.status_code in (401, 403) and "text/html" in request.headers.get("accept", ""):
        base = request.scope.get("root_path", "").rsplit("/", 1)[0]
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{base}/api/v2/auth/login?{urlencode({'next': here})}", 307)
    return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)


def _bad_address(request: Request, error: BadAddressError) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 400)


def _bad_value(request: Request, error: RequestValidationError) -> JSONResponse:
    texts = [f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()]
    return JSONResponse({"detail": "; ".join(texts)}, 400)


def _busy(request: Request, error: BusyError) -> JSONResponse:
    return JSONResponse({"detail": str(error), "kind": "busy"}, 503, headers={"Retry-After": RETRY_AFTER_SECONDS})


def _storage_trouble(request: Request, error: CandleIngestError) -> JSONResponse:
    """Respond with the message of the storage error; the page itself works."""
    kind = "settings"
    if isinstance(error, BucketMissingError):
        kind = "bucket_missing"
    elif isinstance(error, TemporaryError):
        kind = "no_answer"
    return JSONResponse({"detail": str(error), "kind": kind}, 503)


def _defect(request: Request, error: Exception) -> JSONResponse:
    """Respond with a plain error. Starlette raises the error again afterwards, so the server logs its traceback."""
    detail = f"the page failed on this request ({type(error).__name__}): the log of the API server has the traceback"
    return JSONResponse({"detail": detail, "kind": "defect"}, 500)
