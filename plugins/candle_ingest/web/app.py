"""The app behind the page. Every route of it asks for a sign-in, also one that is added later."""

from airflow.api_fastapi.app import get_auth_manager
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from candle_ingest.errors import CandleIngestError, TemporaryError
from candle_ingest.store.bucket import BucketMissingError
from candle_ingest.web import routes, static_files
from candle_ingest.web.access import SIGNED_IN
from candle_ingest.web.address import BadAddressError


def build_app() -> FastAPI:
    """The app; call it in Airflow's API server, once it has begun to serve."""
    # The documentation of the app would be open to everyone.
    app = FastAPI(title="Candles", openapi_url=None, docs_url=None, redoc_url=None, dependencies=[SIGNED_IN])
    app.state.auth_manager = get_auth_manager()
    app.include_router(static_files.router)
    app.include_router(routes.router)
    app.add_exception_handler(BadAddressError, _bad_address)
    app.add_exception_handler(RequestValidationError, _bad_value)
    app.add_exception_handler(CandleIngestError, _storage_trouble)
    return app


def _bad_address(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 400)


def _bad_value(request: Request, error: Exception) -> JSONResponse:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    texts = [f"{problem['loc'][-1]}: {problem['msg']}" for problem in problems]
    return JSONResponse({"detail": "; ".join(texts)}, 400)


def _storage_trouble(request: Request, error: Exception) -> JSONResponse:
    """The page shows it in words: what is wrong is not the page."""
    kind = "settings"
    if isinstance(error, BucketMissingError):
        kind = "bucket_missing"
    elif isinstance(error, TemporaryError):
        kind = "no_answer"
    return JSONResponse({"detail": str(error), "kind": kind}, 503)
