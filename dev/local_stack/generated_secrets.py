"""Passwords, tokens and keys of the local servers: generated once, in a file that only its owner can read."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class GeneratedSecrets:
    """All secrets of one local stack; its `repr` reveals none of them."""

    airflow_admin_password: str
    airflow_api_secret_key: str
    airflow_fernet_key: str
    airflow_jwt_secret: str
    broker_password: str
    influxdb_password: str
    influxdb_token: str
    postgres_password: str
    redis_password: str

    def __repr__(self) -> str:
        return "GeneratedSecrets(...)"

    @classmethod
    def generate(cls) -> GeneratedSecrets:
        """Return new secrets from the system's random source."""
        return cls(
            airflow_admin_password=secrets.token_urlsafe(15),
            airflow_api_secret_key=secrets.token_urlsafe(32),
            airflow_fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            airflow_jwt_secret=secrets.token_urlsafe(64),
            broker_password=secrets.token_urlsafe(24),
            influxdb_password=secrets.token_urlsafe(24),
            influxdb_token=secrets.token_urlsafe(48),
            postgres_password=secrets.token_urlsafe(24),
            redis_password=secrets.token_urlsafe(24),
        )

    @classmethod
    def load_or_generate(cls, path: Path) -> GeneratedSecrets:
        """Return the secrets in `path`; missing ones are generated and saved there."""
        known = json.loads(path.read_text()) if path.exists() else {}
        complete = replace(cls.generate(), **known)
        if asdict(complete) != known:
            write_private(path, json.dumps(asdict(complete), indent=2) + "\n")
        return complete


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, atomically, so that it is never incomplete or readable by others."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
    temporary.rename(path)
