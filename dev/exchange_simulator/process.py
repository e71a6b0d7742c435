"""Run the simulator as a separate process, for tests and benchmarks, on a free port; it is always stopped."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

from dev.exchange_simulator.market_events import MarketEvent

_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 30
_STOP_SECONDS = 5


class SimulatorProcess:
    """`with SimulatorProcess() as simulator:` runs it; `simulator.exchange_url("kraken")` is an address.

    `recorded` maps "binance:BTC/USDT" to a CSV file. `now_ms` freezes the clock from the start.
    """

    def __init__(
        self,
        *,
        limits: bool = True,
        recorded: Mapping[str, str | Path] | None = None,
        extra_coins: int = 0,
        request_log: str | Path | None = None,
        now_ms: int | None = None,
        port: int = 0,
    ) -> None:
        self._command: Sequence[str] = [
            *(sys.executable, "-m", "dev.exchange_simulator", "--port", str(port)),
            *([] if limits else ["--no-limits"]),
            *(["--extra-coins", str(extra_coins)] if extra_coins else []),
            *(["--request-log", str(Path(request_log).resolve())] if request_log else []),
            *(f"--recorded={name}={Path(file).resolve()}" for name, file in (recorded or {}).items()),
        ]
        self.has_limits = limits
        self._now_ms = now_ms
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it listens. Raises RuntimeError with its output if it does not."""
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            self._command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            self.url = self._read_url(self._process)
            if self._now_ms is not None:
                self.set_clock(self._now_ms)
        except BaseException:
            self.stop()
            raise

    def _read_url(self, process: subprocess.Popen[str]) -> str:
        if process.stdout is None:
            raise RuntimeError("the simulator has no output")
        watchdog = threading.Timer(_START_SECONDS, process.kill)
        watchdog.start()
        line = process.stdout.readline()
        watchdog.cancel()
        if not line.startswith("Exchange simulator on "):
            process.kill()
            raise RuntimeError(f"the exchange simulator did not start: {line}{process.stdout.read()}")
        threading.Thread(target=process.stdout.read, daemon=True).start()
        return line.split()[3]

    def stop(self) -> None:
        """Stop it, by force after five seconds. Does nothing if it is not running."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def exchange_url(self, exchange: str) -> str:
        """Return what replaces scheme, host and port in the exchange's URLs."""
        return f"{self.url}/{exchange}"

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(  # noqa: S310 - http to ourselves
            f"{self.url}/_control/{path}", data=data, method=method, headers=headers
        )
        with urlopen(request, timeout=10) as response:  # noqa: S310
            return json.load(response)

    def health(self) -> dict[str, Any]:
        """Return the status, the clock, and the number of markets of each exchange."""
        health: dict[str, Any] = self._call("GET", "health")
        return health

    def set_fault(self, exchange: str, kind: str, **details: Any) -> None:
        """Switch a fault on, for `count` requests or until cleared; the details are those of faults.Fault."""
        self._call("POST", "faults", {"exchange": exchange, "kind": kind, **details})

    def clear_faults(self) -> None:
        """Switch all faults off."""
        self._call("DELETE", "faults")

    def add_events(self, events: Iterable[MarketEvent]) -> None:
        """Add events to those on the markets."""
        self._call("POST", "events", [asdict(event) for event in events])

    def clear_events(self) -> None:
        """Remove all events."""
        self._call("DELETE", "events")

    def requests(self, *, full: bool = False) -> Any:
        """Return counts by exchange and path template, or with `full` the list of the last requests."""
        return self._call("GET", "requests?full=1" if full else "requests")

    def reset_requests(self) -> None:
        """Reset the counts to zero."""
        self._call("DELETE", "requests")

    def set_clock(self, now_ms: int | None) -> None:
        """Freeze the exchanges' clock at that time; None returns to the real time."""
        if now_ms is None:
            self._call("DELETE", "clock")
        else:
            self._call("POST", "clock", {"now_ms": now_ms})
