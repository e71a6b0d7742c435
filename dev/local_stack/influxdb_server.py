"""InfluxDB 2.x for the local stack and the tests: start it, set it up and query it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests

from dev.local_stack.errors import ServerRefusedError
from dev.local_stack.ports import HOST
from dev.local_stack.server_command import ServerCommand

_TIMEOUT_SECONDS = 10
USER = "candle_ingest"
ORGANIZATION = "candle_ingest"


@dataclass(frozen=True, kw_only=True)
class InfluxdbServer:
    """The address and credentials of an InfluxDB 2.x, started here or provided by the user."""

    url: str
    token: str = field(repr=False)
    org: str

    def is_ready(self) -> bool:
        """Return whether it reports that it is healthy."""
        try:
            return requests.get(f"{self.url}/health", timeout=_TIMEOUT_SECONDS).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    def set_up(self, password: str, bucket: str) -> None:
        """Create user, organization, token and first bucket; does nothing on a server that is already set up."""
        setup_url = f"{self.url}/api/v2/setup"
        if not requests.get(setup_url, timeout=_TIMEOUT_SECONDS).json()["allowed"]:
            return
        body = {
            "username": USER,
            "password": password,
            "org": self.org,
            "bucket": bucket,
            "token": self.token,
        }
        answer = requests.post(setup_url, json=body, timeout=_TIMEOUT_SECONDS)
        if answer.status_code != requests.codes.created:
            raise ServerRefusedError(f"InfluxDB's set-up failed: HTTP {answer.status_code} {answer.text[:200]}")

    def check_token(self) -> None:
        """Raise LocalStackError if the server does not accept the token."""
        answer = self._get("buckets", limit="1")
        if answer.status_code == requests.codes.unauthorized:
            raise ServerRefusedError(
                f"InfluxDB at {self.url} refuses the token: set INFLUXDB_TOKEN to one of its tokens, "
                "or, if the local stack started it, run `make clean-data` (which deletes all stored data)."
            )

    def ensure_bucket(self, name: str) -> None:
        """Create the bucket unless it exists."""
        if self._get("buckets", name=name, org=self.org).ok:
            return
        body = {"name": name, "orgID": self._organization_id(), "retentionRules": []}
        answer = self._post("buckets", body)
        if answer.status_code not in (requests.codes.created, requests.codes.unprocessable_entity):
            raise ServerRefusedError(f"InfluxDB can't create bucket {name!r}: HTTP {answer.status_code}")

    def renew_token(self, purpose: str, buckets: Sequence[str], actions: Sequence[str]) -> str:
        """Return a new token that may only do `actions` (read, write) in these buckets.

        Older tokens for the same purpose are deleted: InfluxDB stores only hashes, so it cannot show them again.
        """
        for old in self._get("authorizations", org=self.org).json()["authorizations"]:
            if old["description"] == purpose:
                self._delete(f"authorizations/{old['id']}")
        organization = self._organization_id()
        resources = [{"type": "buckets", "id": self._bucket_id(name), "orgID": organization} for name in buckets]
        permissions = [{"action": action, "resource": resource} for resource in resources for action in actions]
        body = {"orgID": organization, "description": purpose, "permissions": permissions}
        answer = self._post("authorizations", body)
        if not answer.ok:
            raise ServerRefusedError(f"InfluxDB can't make a token: HTTP {answer.status_code} {answer.text[:200]}")
        return str(answer.json()["token"])

    def _organization_id(self) -> str:
        answer = self._get("orgs", org=self.org)
        if not answer.ok:
            raise ServerRefusedError(f"InfluxDB at {self.url} has no organization {self.org!r}.")
        return str(answer.json()["orgs"][0]["id"])

    def _bucket_id(self, name: str) -> str:
        return str(self._get("buckets", name=name, org=self.org).json()["buckets"][0]["id"])

    def _get(self, resource: str, **query: str) -> requests.Response:
        return requests.get(
            f"{self.url}/api/v2/{resource}", params=query, headers=self._headers(), timeout=_TIMEOUT_SECONDS
        )

    def _post(self, resource: str, body: object) -> requests.Response:
        return requests.post(
            f"{self.url}/api/v2/{resource}", json=body, headers=self._headers(), timeout=_TIMEOUT_SECONDS
        )

    def _delete(self, resource: str) -> None:
        requests.delete(f"{self.url}/api/v2/{resource}", headers=self._headers(), timeout=_TIMEOUT_SECONDS)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.token}"}


def influxd_command(binary: Path, port: int, folder: Path) -> ServerCommand:
    """Return the command that starts `influxd` on this machine with its data in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    argv = (
        str(binary),
        *("--bolt-path", str(folder / "influxd.bolt")),
        *("--engine-path", str(folder / "engine")),
        *("--sqlite-path", str(folder / "influxd.sqlite")),
        *("--http-bind-address", f"{HOST}:{port}"),
        "--reporting-disabled",
        # With its profiler influxd records one allocation in each 4 kB, which costs a quarter of a query's CPU.
        "--pprof-disabled",
    )
    return ServerCommand(name="influxdb", argv=argv, folder=folder)
