"""The page in a browser when InfluxDB is gone."""

from __future__ import annotations

import time

import pytest

from tests.integration.web.tabs import picture

pytestmark = [pytest.mark.integration, pytest.mark.browser]


def test_with_influxdb_down_the_page_soon_says_so(visit, storage_stops, open_view):
    """The last test of this folder: it stops InfluxDB."""
    storage_stops.close()
    began = time.monotonic()
    answer = visit("overview")
    assert (answer.status_code, answer.json()["kind"]) == (503, "no_answer")
    assert time.monotonic() - began < 20
    tab = open_view("view=coverage&days=365")
    # What was answered in the minute before is still shown.
    tab.get_by_role("button", name="Refresh").click()
    tab.get_by_text("InfluxDB does not answer.").wait_for()
    picture(tab, "influxdb_down")
