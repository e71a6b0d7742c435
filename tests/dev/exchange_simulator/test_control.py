"""The control path serves only programs on this machine."""

import pytest
import requests

from dev.exchange_simulator.process import SimulatorProcess

EVENT = {"kind": "quiet", "start_ms": 0, "end_ms": 1}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "rebound.example"}, 403),
        ({"Host": "127.0.0.1.example:8899"}, 403),
        ({"Origin": "https://page.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Origin": "http://localhost:3000"}, 201),
        ({"Host": "localhost"}, 201),
        ({"Host": "[::1]:99"}, 201),
    ],
)
def test_only_json_from_local_programs_is_accepted(
    simulator: SimulatorProcess, headers: dict[str, str], status: int
) -> None:
    sent = {"Content-Type": "application/json", **headers}
    answer = requests.post(f"{simulator.url}/_control/events", json=[EVENT], headers=sent, timeout=5)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("application/json")
    simulator.clear_events()


@pytest.mark.parametrize("path", ["nothing", "events/x", "faults/<script>", ""])
def test_unknown_control_paths_answer_with_json_that_no_browser_runs(simulator: SimulatorProcess, path: str) -> None:
    answer = requests.get(f"{simulator.url}/_control/{path}", timeout=5)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_wrong_method_is_refused_in_json(simulator: SimulatorProcess) -> None:
    answer = requests.put(f"{simulator.url}/_control/events", json=[], timeout=5)
    assert answer.status_code == 404
    assert answer.json() == {"error": "no PUT /_control/events"}


def test_events_are_added_listed_and_cleared(simulator: SimulatorProcess) -> None:
    url = f"{simulator.url}/_control/events"
    for count in (1, 2):
        assert requests.post(url, json=[EVENT], timeout=5).status_code == 201
        assert len(requests.get(url, timeout=5).json()) == count
    assert requests.delete(url, timeout=5).json() == []
    assert requests.get(url, timeout=5).json() == []
    for wrong in (EVENT, [{"kind": "quiet"}], [1], "text"):
        assert requests.post(url, json=wrong, timeout=5).status_code == 400
