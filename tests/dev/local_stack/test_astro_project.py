"""The files that Astro reads agree with each other and with the lock."""

import json
import re

import yaml

from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.settings_file import read_settings


def test_the_connections_match_the_containers():
    compose = yaml.safe_load((REPOSITORY / "docker-compose.override.yml").read_text())["services"]
    settings = read_settings(REPOSITORY / "airflow_settings.yaml")
    connections = {connection["connection_id"]: connection for connection in settings.connections}
    redis, influxdb = connections["redis_default"], connections["influxdb_default"]
    environment = compose["influxdb"]["environment"]
    assert redis["host"] in compose
    assert influxdb["host"] in compose
    assert redis["password"] == compose["redis"]["command"][-1]
    assert json.loads(influxdb["extra"]) == {
        "token": environment["DOCKER_INFLUXDB_INIT_ADMIN_TOKEN"],
        "org": environment["DOCKER_INFLUXDB_INIT_ORG"],
    }


def test_the_guide_writes_the_symbols_with_the_password_of_the_container():
    compose = yaml.safe_load((REPOSITORY / "docker-compose.override.yml").read_text())["services"]
    guide = REPOSITORY / "docs" / "how-to" / "deploy-on-astro.md"
    command = re.search(r"redis-cli -a (\S+) SET", guide.read_text())
    assert command[1] == compose["redis"]["command"][-1]


def test_an_environment_file_that_was_only_copied_overrides_no_setting():
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_every_port_is_bound_to_this_machine_only():
    compose = yaml.safe_load((REPOSITORY / "docker-compose.override.yml").read_text())["services"]
    ports = [port for service in compose.values() for port in service["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in ports)
