"""The Airflow plugin: lets tasks start fast, and adds the page of the candles to the UI.

What the tasks import costs three seconds of CPU, two of them ccxt. A scheduler with LocalExecutor and Celery workers
load plugins before they fork the processes that run tasks: imported here, it is there for all of them. The API server
imports the page, which would make its first visitor wait for 0.7 seconds. No other process pays for either.
"""

import sys
from typing import Any, ClassVar

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

command = "".join(sys.argv[1:2])
if command == "celery" or (command == "scheduler" and "LocalExecutor" in conf.get("core", "executor")):
    import candle_ingest.orchestration.preload
elif command == "api-server":
    import candle_ingest.web.app  # noqa: F401


class LazyPage:
    """The page's ASGI app, built when it is first asked for: it needs the auth manager of the running server."""

    _app: ClassVar[Any] = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if LazyPage._app is None:
            from candle_ingest.web.app import build_app

            LazyPage._app = build_app()
        await LazyPage._app(scope, receive, send)


# Without a slash at the start the address holds for every base URL of Airflow.
HREF = "candles/"


class CandleIngestPlugin(AirflowPlugin):
    """Names the plugin to Airflow, and the page in its navigation and on the pages of its DAGs."""

    name = "candle_ingest"
    fastapi_apps: ClassVar[list[Any]] = [{"app": LazyPage(), "url_prefix": "/candles", "name": "Candles"}]
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Candles",
            "href": HREF,
            "destination": "nav",
            "nav_top_level": True,
            "icon": f"{HREF}static/icons/candles.svg",
            "icon_dark_mode": f"{HREF}static/icons/candles_dark.svg",
            "url_route": "candles",
        },
        {"name": "Candles", "href": f"{HREF}?dag={{DAG_ID}}", "destination": "dag", "url_route": "candles-dag"},
    ]
