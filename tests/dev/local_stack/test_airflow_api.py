"""Which requests are repeated if the API server is slow or drops the connection, and how often."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from dev.local_stack import airflow_api
from dev.local_stack.airflow_api import AirflowApi
from dev.local_stack.errors import LocalStackError
from dev.local_stack.ports import HOST, free_port

LOG = Path("logs/api-server.log")


class Server(ThreadingHTTPServer):
    """Apply the next of the `faults` to each request; without one, respond with the `body`."""

    def __init__(self):
        super().__init__((HOST, 0), Handler)
        self.faults = []
        self.received = []
        self.body = {}
        self.statuses = {}
        self.ended = threading.Event()

    @property
    def url(self):
        return f"http://{HOST}:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.received.append(f"{self.command} {self.path}")
        fault = self.server.faults.pop(0) if self.server.faults else None
        if fault == "silent":
            self.server.ended.wait(10)
        if fault is not None:
            self.close_connection = True
            return
        body = json.dumps(self.server.body).encode()
        self.send_response(self.server.statuses.get(self.command, 200))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PATCH = do_PUT = do_POST = answer  # noqa: N815 - the names that http.server calls

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.ended.set()
        running.shutdown()


@pytest.fixture
def api(server, monkeypatch):
    monkeypatch.setattr(airflow_api, "_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(airflow_api._RETRY, "backoff_factor", 0.01)
    return AirflowApi(server.url, "admin", "password", LOG)


@pytest.mark.parametrize("fault", ["silent", "dropped"])
def test_safe_requests_are_retried(server, api, fault):
    server.faults = [fault] * 3
    api.set_paused("candle_catch_up", paused=False)
    assert server.received == ["PATCH /api/v2/dags/candle_catch_up"] * 4
    server.faults = [fault]
    assert api.run("candle_catch_up", "today") == {}
    assert server.received[4:] == ["GET /api/v2/dags/candle_catch_up/dagRuns/today"] * 2


@pytest.mark.parametrize("fault", ["silent", "dropped"])
def test_requests_with_effects_are_sent_once(server, api, fault):
    server.faults = [fault]
    with pytest.raises(LocalStackError, match="does not answer POST api/v2/dags/candle_catch_up/dagRuns: "):
        api.trigger("candle_catch_up")
    assert server.received == ["POST /api/v2/dags/candle_catch_up/dagRuns"]


def test_without_a_response_the_error_names_the_request_the_reason_and_the_log(server, api):
    server.faults = ["silent"] * 4
    with pytest.raises(LocalStackError, match=r"not answer PATCH api/v2/dags/d: .*Read timed out") as caught:
        api.set_paused("d", paused=True)
    assert str(caught.value).endswith(f"See its log: {LOG} [stack-airflow]")
    assert "Max retries" not in str(caught.value)
    assert len(server.received) == 4


def test_an_unreachable_server_is_not_retried():
    api = AirflowApi(f"http://{HOST}:{free_port()}", "admin", "password", LOG)
    assert not api.answers()
    with pytest.raises(LocalStackError, match=r"does not answer GET api/v2/dags/d: .*Connection refused"):
        api.has_dag("d")


def test_the_health_is_requested_once(server, api):
    server.faults = ["silent"]
    assert not api.answers()
    assert server.received == ["GET /api/v2/monitor/health"]


def test_a_backfill_that_has_ended_can_be_cancelled(server, api):
    server.body = {"backfills": [{"id": 7, "completed_at": None}], "total_entries": 1}
    server.statuses["PUT"] = requests.codes.conflict
    api.cancel_backfills("candle_backfill")
    assert server.received[-1] == "PUT /api/v2/backfills/7/cancel"


def test_the_last_error_of_a_task_is_one_line(server, api):
    detail = [
        {"exc_type": "AirflowFailException", "exc_value": "No symbols\nfit [too-few-exchanges]"},
        {"exc_value": "a"},
    ]
    server.body = {
        "content": ["text", {"event": "begins"}, {"event": "failed", "error_detail": detail}, {"event": "end"}]
    }
    assert api.task_error("d", "r", "validate_symbols", -1, 1) == "No symbols fit [too-few-exchanges]"
    server.body = {"content": [{"event": "begins", "error_detail": []}]}
    assert api.task_error("d", "r", "validate_symbols", -1, 1) == ""
