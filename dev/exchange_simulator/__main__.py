"""`python -m dev.exchange_simulator`: eleven exchanges on one local port."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from aiohttp import web

from dev.exchange_simulator.markets import EXCHANGES
from dev.exchange_simulator.recorded import RecordedCandlesError, load_recorded, parse_recorded_option
from dev.exchange_simulator.server import build_app, server_settings
from dev.exchange_simulator.simulator import Simulator, SimulatorSettings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dev.exchange_simulator",
        description=f"Serve the public REST paths of {', '.join(EXCHANGES)} with synthetic or recorded candles. "
        "Nothing that it serves is a real price, unless it was recorded.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=8899, help="port, 0 for any free one (default %(default)s)")
    parser.add_argument("--no-limits", action="store_true", help="never refuse for too many requests")
    parser.add_argument("--extra-coins", type=int, default=0, metavar="N", help="N more coins everywhere")
    parser.add_argument("--request-log", type=Path, metavar="FILE", help="write each request as a line of JSON")
    parser.add_argument(
        "--recorded",
        action="append",
        default=[],
        metavar="EXCHANGE:SYMBOL=FILE",
        help="serve a CSV file (ts,open,high,low,close,volume; .csv or .csv.gz) as that market",
    )
    return parser


def _settings(arguments: argparse.Namespace) -> SimulatorSettings:
    recorded = tuple(load_recorded(*parse_recorded_option(text)) for text in arguments.recorded)
    return SimulatorSettings(
        limits=not arguments.no_limits,
        recorded=recorded,
        extra_coins=arguments.extra_coins,
        request_log=arguments.request_log,
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _announce(simulator: Simulator, host: str, port: int) -> None:
    settings = simulator.settings
    recorded = [f"{r.market.exchange}:{r.market.symbol}" for r in settings.recorded]
    market = f"synthetic market, recorded {', '.join(recorded)}" if recorded else "synthetic market"
    _say(f"Exchange simulator on http://{host}:{port} ({market}, limits {'on' if settings.limits else 'off'})")
    for name, exchange in simulator.exchanges.items():
        _say(f"  /{name}: {len(exchange.markets)} markets")


async def _run(simulator: Simulator, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(build_app(simulator), **server_settings())
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        _announce(simulator, host, runner.addresses[0][1])
        await stop.wait()
    finally:
        await runner.cleanup()


def main(argv: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; return 1 if the port or a file cannot be used."""
    arguments = _parser().parse_args(argv)
    try:
        asyncio.run(_run(Simulator(_settings(arguments)), arguments.host, arguments.port))
    except RecordedCandlesError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"Cannot listen on {arguments.host}:{arguments.port}: {error.strerror or error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
