"""What the browser's tabs show: the page once it is there, and pictures of it."""

from __future__ import annotations

import os
import shutil

from dev.local_stack.airflow_processes import REPOSITORY

FRAME = "iframe[title=Candles]"
PICTURES = REPOSITORY / "build" / "page"
# `make screenshots` sets the variable; the pictures that the documentation shows, by the name that they have there.
SCREENSHOTS_VARIABLE = "SCREENSHOTS_FOLDER"
SHOWN = {"coverage_large": "coverage", "day": "day", "chart_light": "chart", "explain_light": "explain"}


def picture(tab, name: str) -> None:
    """Take a picture of what the tab shows, if pictures are wanted."""
    if not (folder := os.environ.get(SCREENSHOTS_VARIABLE)):
        return
    PICTURES.mkdir(parents=True, exist_ok=True)
    tab.wait_for_timeout(700)
    tab.screenshot(path=PICTURES / f"{name}.png")
    if name in SHOWN:
        shutil.copy(PICTURES / f"{name}.png", REPOSITORY / folder / f"{SHOWN[name]}.png")


def resize(tab, width: int, height: int) -> None:
    """Give the tab another size, and let the page follow."""
    tab.set_viewport_size({"width": width, "height": height})
    tab.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def choose_colours(tab, theme: str) -> None:
    """Choose Airflow's own colours, `light` or `dark`, as another tab does that tells this one."""
    told = "new StorageEvent('storage', { key: 'theme', newValue: theme })"
    tab.evaluate(f"theme => {{ localStorage.setItem('theme', theme); dispatchEvent({told}); }}", theme)


def ready(tab, address: str):
    """The page below `address` of the navigation, once its view is there."""
    tab.goto(address)
    return _drawn(tab)


def open_in_frame(tab, address: str):
    """The page at `address`, once its view is there; Airflow's own UI around it stays, and costs nothing."""
    tab.query_selector(FRAME).content_frame().goto(address)
    return _drawn(tab)


def _drawn(tab):
    frame = tab.frame_locator(FRAME)
    frame.locator("#view[aria-busy=false]").wait_for(timeout=60_000)
    return frame
