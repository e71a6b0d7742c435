"""Read `airflow_settings.yaml`, the Astro project's connections, pools and variables.

They are returned in the form that Airflow's REST API accepts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from dev.local_stack.errors import StackSettingsError

Row = dict[str, Any]

_CONNECTION_KEYS = {
    "conn_id",
    "conn_type",
    "conn_host",
    "conn_schema",
    "conn_login",
    "conn_password",
    "conn_port",
    "conn_extra",
}
_POOL_KEYS = {"pool_name", "pool_slot", "pool_description"}
_VARIABLE_KEYS = {"variable_name", "variable_value"}


@dataclass(frozen=True, kw_only=True)
class AirflowSettings:
    """Connections, pools and variables as bodies of REST requests."""

    connections: tuple[Row, ...]
    pools: tuple[Row, ...]
    variables: tuple[Row, ...]

    def with_connection(self, connection_id: str, *, extra: Row | None = None, **changes: Any) -> AirflowSettings:
        """Return settings with other values in one connection, which is added if there is none of that name.

        `extra` is merged into the connection's extra.
        """
        known = {connection["connection_id"]: connection for connection in self.connections}
        old = known.get(connection_id, {"connection_id": connection_id})
        merged = {**json.loads(old.get("extra") or "{}"), **(extra or {})}
        # For an empty extra, Airflow warns in each task that it is too short a secret to mask.
        known[connection_id] = {**old, **changes, "extra": json.dumps(merged) if merged else None}
        return replace(self, connections=tuple(known.values()))


def read_settings(path: Path) -> AirflowSettings:
    """Return the settings. Raises LocalStackError that names what is wrong with the file."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StackSettingsError(f"{path.name} can't be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise StackSettingsError(f"{path.name} is not valid YAML: {' '.join(str(error).split())}") from error
    section = content.get("airflow") if isinstance(content, dict) else None
    if not isinstance(section, dict):
        raise StackSettingsError(f"{path.name} has no section `airflow`.")
    return AirflowSettings(
        connections=_read(path, section, "connections", _CONNECTION_KEYS, "conn_id", _connection),
        pools=_read(path, section, "pools", _POOL_KEYS, "pool_name", _pool),
        variables=_read(path, section, "variables", _VARIABLE_KEYS, "variable_name", _variable),
    )


def _read(
    path: Path, section: Row, key: str, known: set[str], name: str, convert: Callable[[Row], Row]
) -> tuple[Row, ...]:
    entries = section.get(key) or []
    for entry in entries:
        unknown = set(entry) - known
        if unknown:
            allowed = ", ".join(sorted(known))
            raise StackSettingsError(f"{path.name}, {key}: can't use {', '.join(sorted(unknown))} (known: {allowed}).")
    # Astro's template file has empty entries, which Astro skips too.
    return tuple(convert(entry) for entry in entries if entry.get(name))


def _connection(entry: Row) -> Row:
    extra = entry.get("conn_extra") or {}
    return {
        "connection_id": entry["conn_id"],
        "conn_type": entry.get("conn_type") or "generic",
        "host": entry.get("conn_host"),
        "schema": entry.get("conn_schema"),
        "login": entry.get("conn_login"),
        "password": entry.get("conn_password"),
        "port": entry.get("conn_port"),
        "extra": extra if isinstance(extra, str) else json.dumps(extra) if extra else None,
    }


def _pool(entry: Row) -> Row:
    return {
        "name": entry["pool_name"],
        "slots": entry["pool_slot"],
        "description": entry.get("pool_description") or "",
    }


def _variable(entry: Row) -> Row:
    return {"key": entry["variable_name"], "value": str(entry.get("variable_value") or "")}
