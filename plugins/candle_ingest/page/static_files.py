"""The page's own files, and Plotly's JavaScript from the package that is installed: nothing from the internet."""

import functools
import gzip
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import FileResponse

FOLDER = Path(__file__).parent / "static"
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PLOTLY_VERSION = version("plotly")
# The browser then refuses whatever is not this Airflow's own. Plotly writes styles of its own.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
router = APIRouter()


@router.get("/")
def index() -> Response:
    """The page. Its data has addresses of its own."""
    text = (FOLDER / "index.html").read_text(encoding="utf-8").replace("{plotly_version}", PLOTLY_VERSION)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(text, media_type=TYPES[".html"], headers=headers)


@router.get("/static/{name}")
def static_file(name: str) -> FileResponse:
    """A file of the page. Browsers ask each time whether it has changed."""
    if name not in _names():
        raise HTTPException(404, "There is no such file.")
    return FileResponse(FOLDER / name, media_type=TYPES[Path(name).suffix], headers={"Cache-Control": "no-cache"})


@router.get("/plotly/{plotly_version}.js")
def plotly(plotly_version: str) -> Response:
    """Plotly's JavaScript. Its address names the version: browsers keep it."""
    if plotly_version != PLOTLY_VERSION:
        raise HTTPException(404, f"The installed version is {PLOTLY_VERSION}.")
    headers = {"Content-Encoding": "gzip", "Cache-Control": "private, max-age=31536000, immutable"}
    return Response(_packed_plotly(), media_type=TYPES[".js"], headers=headers)


@functools.cache
def _names() -> frozenset[str]:
    return frozenset(file.name for file in FOLDER.iterdir() if file.suffix in TYPES)


@functools.cache
def _packed_plotly() -> bytes:
    """Packed once: it has 4.8 million characters."""
    return gzip.compress((files("plotly") / "package_data" / "plotly.min.js").read_bytes(), compresslevel=6)
