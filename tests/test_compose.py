"""Check the containers as far as possible without Docker: keys, images, ports, mounts, and matching addresses."""

import json
import re
from pathlib import Path

import pytest
import yaml

from candle_ingest.connections import connect_influxdb, connect_redis, exchange_connection
from candle_ingest.pipelines import load_pipelines
from dev.exchange_simulator.markets import EXCHANGES
from dev.local_stack.settings_file import read_settings

REPOSITORY = Path(__file__).parents[1]
FILES = (REPOSITORY / "deploy" / "compose.yaml", REPOSITORY / "docker-compose.override.yml")
COMPOSE = yaml.safe_load(FILES[0].read_text())
SERVICES = COMPOSE["services"]
AIRFLOW = SERVICES["scheduler"]["environment"]
# The keys of the Compose specification (https://github.com/compose-spec/compose-spec) that these files use.
SERVICE_KEYS = {
    "build", "command", "depends_on", "environment", "healthcheck", "image", "networks", "ports", "restart", "volumes",
}  # fmt: skip
CONDITIONS = {"service_healthy", "service_completed_successfully"}
RESTARTS = re.compile(r"unless-stopped|on-failure(:\d+)?")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_key_is_one_of_compose(file):
    content = yaml.safe_load(file.read_text())
    assert {key for key in content if not key.startswith("x-")} <= {"name", "services", "volumes"}
    for service in content["services"].values():
        assert set(service) <= SERVICE_KEYS
        assert RESTARTS.fullmatch(service.get("restart", "unless-stopped"))
        assert set(service.get("healthcheck", {})) <= {"test", "interval", "retries"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_images_have_a_version_and_ports_are_bound_to_this_machine_only(file):
    for service in yaml.safe_load(file.read_text())["services"].values():
        assert re.fullmatch(r"[a-z-]+:(?!latest)\S+", service["image"])
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_what_a_service_waits_for_exists_and_can_be_waited_for():
    for service in SERVICES.values():
        for name, wanted in service.get("depends_on", {}).items():
            assert wanted["condition"] in CONDITIONS
            assert ("healthcheck" in SERVICES[name]) == (wanted["condition"] == "service_healthy")


def test_the_repository_is_mounted_read_only_and_every_volume_is_declared():
    mounts = {mount for service in SERVICES.values() for mount in service.get("volumes", ())}
    named = {mount for mount in mounts if not mount.startswith(".")}
    for mount in mounts - named:
        source, _, mode = mount.split(":")
        assert (FILES[0].parent / source).is_dir()
        assert mode == "ro"
    assert {mount.split(":")[0] for mount in named} == set(COMPOSE["volumes"])


def test_airflow_is_built_from_the_image_that_is_deployed():
    build = SERVICES["scheduler"]["build"]
    context = (FILES[0].parent / build["context"]).resolve()
    assert context == REPOSITORY
    assert (context / build["dockerfile"]).is_file()


@pytest.fixture
def inside(monkeypatch):
    """Set the environment of an Airflow container."""
    for name, value in AIRFLOW.items():
        monkeypatch.setenv(name, value)


def test_the_connections_lead_to_the_containers_with_their_secrets(inside):
    redis = connect_redis().connection_pool.connection_kwargs
    assert (redis["host"], redis["password"]) == ("redis", SERVICES["redis"]["command"][-1])
    wanted = SERVICES["influxdb"]["environment"]
    with connect_influxdb() as client:
        assert client.url == "http://influxdb:8086"
        assert client.token == wanted["DOCKER_INFLUXDB_INIT_ADMIN_TOKEN"]
        assert client.org == wanted["DOCKER_INFLUXDB_INIT_ORG"]


def test_every_exchange_is_simulated_and_the_bucket_says_so(inside):
    [settings] = load_pipelines().values()
    assert settings.influxdb_bucket == SERVICES["influxdb"]["environment"]["DOCKER_INFLUXDB_INIT_BUCKET"]
    assert settings.influxdb_bucket == "candles_simulated"
    for exchange in settings.exchange_ids:
        assert exchange in EXCHANGES
        assert exchange_connection(exchange).base_url == f"http://simulator:8899/{exchange}"


def test_the_symbols_are_written_where_the_pipeline_reads_them(inside):
    [settings] = load_pipelines().values()
    command = SERVICES["symbols"]["command"]
    assert settings.redis_key_crypto_symbols in command
    assert SERVICES["redis"]["command"][-1] in command
    assert json.loads(command[-2]) == ["btcusd", "ethusd", "solusd"]


def test_the_pool_is_the_one_of_the_settings():
    [pool] = read_settings(REPOSITORY / "airflow_settings.yaml").pools
    wanted = f'airflow pools set {pool["name"]} {pool["slots"]} "{pool["description"]}"'
    assert SERVICES["prepare"]["command"][-1] == f"airflow db migrate && {wanted}"


def test_no_secret_could_be_mistaken_for_a_real_one():
    secrets = re.findall(r"(?:PASSWORD|TOKEN|SECRET\w*): (\S+)", FILES[0].read_text())
    assert secrets
    assert all(secret.startswith("development-only-") for secret in secrets)


def test_the_dev_container_has_what_the_local_stack_is_built_with():
    container = json.loads((REPOSITORY / ".devcontainer" / "devcontainer.json").read_text())
    assert re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:3\.1[123]-\w+", container["image"])
    assert {feature.split("/")[-1].split(":")[0] for feature in container["features"]} == {"go", "rust"}
    assert container["postCreateCommand"] == "make setup"
