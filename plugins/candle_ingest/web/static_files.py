"""The static files of the page, and Plotly's JavaScript from the installed package: nothing comes from the internet."""

import functools
import gzip
import hashlib
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from string import Template

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import FileResponse

from candle_ingest.web.headers import PAGE_POLICY

FOLDER = Path(__file__).parent / "static"
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PLOTLY_VERSION = version("plotly")
KEEP = "private, max-age=31536000, immutable"
router = APIRouter()


@router.get("/")
def index() -> Response:
    """Return the page itself. Its data has separate routes."""
    version = static_version()
    scripts = (f"static/{version}/{name}" for name in sorted(_names()) if name.endswith(".js"))
    values = {
        "plotly_version": PLOTLY_VERSION,
        "static_version": version,
        # Otherwise a browser would request a script only after reading the one that imports it.
        "preloads": "\n  ".join(f'<link rel="modulepreload" href="{script}">' for script in scripts),
    }
    text = Template((FOLDER / "index.html").read_text(encoding="utf-8")).substitute(values)
    return Response(text, media_type=TYPES[".html"], headers={"Content-Security-Policy": PAGE_POLICY})


@router.get("/static/{version}/{name}")
def static_file(version: str, name: str) -> FileResponse:
    """Return a static file. Browsers cache those with the current version in their address, and revalidate others."""
    if name not in _names():
        raise HTTPException(404, "There is no such file.")
    keep = KEEP if version == static_version() else "no-cache"
    return FileResponse(FOLDER / name, media_type=TYPES[Path(name).suffix], headers={"Cache-Control": keep})


@router.get("/plotly/{plotly_version}.js")
def plotly(plotly_version: str) -> Response:
    """Return Plotly's JavaScript. Its address contains the version, so browsers may cache it."""
    if plotly_version != PLOTLY_VERSION:
        raise HTTPException(404, f"The installed version is {PLOTLY_VERSION}.")
    headers = {"Content-Encoding": "gzip", "Cache-Control": KEEP}
    return Response(_packed_plotly(), media_type=TYPES[".js"], headers=headers)


def static_version() -> str:
    """Return a hash of the static files, which changes with them."""
    texts = ((FOLDER / name).read_bytes() for name in sorted(_names()))
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


@functools.cache
def _names() -> frozenset[str]:
    return frozenset(file.name for file in FOLDER.iterdir() if file.suffix in TYPES)


@functools.cache
def _packed_plotly() -> bytes:
    """Return Plotly's JavaScript, compressed only once: it has 4.8 million characters."""
    return gzip.compress((files("plotly") / "package_data" / "plotly.min.js").read_bytes(), compresslevel=6)
