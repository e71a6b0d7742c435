"""Check deploy/ as far as possible without a cluster: it parses, its keys exist, its versions are tested."""

import re
from pathlib import Path

import pytest
import yaml

from dev.local_stack.celery_workers import WORKER_ENVIRONMENT
from dev.local_stack.settings_file import read_settings

REPOSITORY = Path(__file__).parents[1]
DEPLOY = REPOSITORY / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
VALUES_FILES = ("values.yaml", "values-celery.yaml")
FILES_WITH_HELM = (
    *(DEPLOY / name for name in VALUES_FILES),
    REPOSITORY / "docs" / "how-to" / "deploy-on-kubernetes.md",
)
# Without it the chart's administrator is admin with the password admin.
ADMIN_PASSWORD = "--set createUserJob.defaultUser.password=…"
# Keys of the official chart's values.yaml; keys below a documented mapping (`resources`, `config`) are not checked.
CHART_KEYS = {
    "airflowVersion",
    "apiSecretKeySecretName",
    "apiServer.allowPodLogReading",
    "apiServer.resources",
    "config",
    "createUserJob.applyCustomEnv",
    "createUserJob.resources",
    "createUserJob.useHelmHooks",
    "dagProcessor.logGroomerSidecar.resources",
    "dagProcessor.resources",
    "data.metadataSecretName",
    "defaultAirflowRepository",
    "defaultAirflowTag",
    "executor",
    "extraEnvFrom",
    "fernetKeySecretName",
    "jwtSecretName",
    "logs.persistence.enabled",
    "migrateDatabaseJob.applyCustomEnv",
    "migrateDatabaseJob.args",
    "migrateDatabaseJob.resources",
    "migrateDatabaseJob.useHelmHooks",
    "postgresql.enabled",
    "redis.enabled",
    "redis.resources",
    "redis.securityContexts.container",
    "redis.securityContexts.pod",
    "scheduler.logGroomerSidecar.resources",
    "scheduler.resources",
    "securityContexts.containers",
    "securityContexts.pod",
    "statsd.resources",
    "triggerer.enabled",
    "workers.celery.env",
    "workers.celery.persistence.enabled",
    "workers.celery.replicas",
    "workers.celery.resources",
    "workers.kubernetes.resources",
    "workers.resources",
}


def values(name):
    return yaml.safe_load((DEPLOY / name).read_text())


def paths(mapping, before=""):
    for key, value in mapping.items():
        path = f"{before}{key}"
        if isinstance(value, dict) and path not in CHART_KEYS:
            yield from paths(value, f"{path}.")
        else:
            yield path


@pytest.mark.parametrize("name", VALUES_FILES)
def test_every_key_is_one_of_the_chart(name):
    assert set(paths(values(name))) <= CHART_KEYS


def test_no_listed_key_is_unused():
    assert {path for name in VALUES_FILES for path in paths(values(name))} == CHART_KEYS


def test_the_connections_come_from_a_secret():
    assert yaml.safe_load(values("values.yaml")["extraEnvFrom"]) == [
        {"secretRef": {"name": "candle-ingest-connections"}}
    ]
    for name in VALUES_FILES:
        text = (DEPLOY / name).read_text().replace(ADMIN_PASSWORD, "")
        assert not re.search(r"(password|token|://\S+@)", text, re.I)


@pytest.mark.parametrize("file", FILES_WITH_HELM, ids=lambda file: file.name)
def test_every_way_to_install_sets_the_version_and_a_password(file):
    text = re.sub(r"\\\n[# ]+", "", file.read_text())
    commands = [line for line in text.splitlines() if "helm upgrade --install" in line]
    assert commands
    for command in commands:
        assert "--version 1.22.0 -f deploy/values.yaml " in command
        assert ADMIN_PASSWORD in command


def test_celery_workers_load_plugins_early_as_those_that_were_tested():
    entries = values("values-celery.yaml")["workers"]["celery"]["env"]
    assert {entry["name"]: entry["value"] for entry in entries} == WORKER_ENVIRONMENT


def test_the_airflow_is_the_one_that_was_tested():
    tested = re.search(r'"apache-airflow==([\d.]+)"', (REPOSITORY / "pyproject.toml").read_text())[1]
    assert set(re.findall(r"airflow[:=]+([\d.]+)", DOCKERFILE)) == {tested}
    assert values("values.yaml")["airflowVersion"] == tested


def test_the_image_installs_the_tested_versions_by_their_hashes():
    pin = re.compile(r"^([\w.\[\]-]+==\S+)", re.M)
    tested = set(pin.findall((REPOSITORY / "requirements-dev.lock").read_text()))
    assert set(pin.findall((DEPLOY / "requirements.lock").read_text())) <= tested
    assert "pip install --no-cache-dir --require-hashes -r /requirements.lock" in DOCKERFILE


def test_the_base_can_be_pinned_by_its_digest():
    assert re.search(r"^ARG BASE_DIGEST=\nFROM \S+\$\{BASE_DIGEST\}$", DOCKERFILE, re.M)


def test_the_python_is_the_one_of_the_astro_image():
    pythons = {re.search(r"^FROM .*-python-?([\d.]+)", text, re.M)[1] for text in (DOCKERFILE, _astro())}
    assert len(pythons) == 1


def test_the_image_copies_what_exists_and_is_not_ignored():
    sources = [line.split()[-2] for line in DOCKERFILE.splitlines() if line.startswith("COPY")]
    ignored = (REPOSITORY / ".dockerignore").read_text().split()
    assert "!deploy/requirements.lock" in ignored
    assert sources == ["deploy/requirements.lock", "dags", "plugins", "include", "bin"]
    for source in sources:
        assert (REPOSITORY / source).exists()
        assert source not in ignored


def test_nothing_runs_as_root():
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.M)
    pod = values("values.yaml")["securityContexts"]["pod"]
    assert pod["runAsNonRoot"] is True
    assert users == [str(pod["runAsUser"])] != ["0"]


@pytest.mark.parametrize(
    ("name", "component"), [("values.yaml", None), ("values-celery.yaml", "redis")], ids=["all", "broker"]
)
def test_no_container_is_root_and_each_has_the_default_seccomp_profile(name, component):
    contexts = (values(name)[component] if component else values(name))["securityContexts"]
    container = contexts.get("containers") or contexts["container"]
    assert contexts["pod"]["runAsNonRoot"] is True
    assert contexts["pod"]["runAsUser"] > 0
    assert contexts["pod"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def test_every_container_has_resources():
    common, celery = values("values.yaml"), values("values-celery.yaml")
    with_groomer = [common[name] for name in ("scheduler", "dagProcessor")]
    parts = [common[name] for name in ("scheduler", "dagProcessor", "apiServer", "migrateDatabaseJob", "createUserJob")]
    parts += [common["statsd"], common["workers"], common["workers"]["kubernetes"], celery["redis"]]
    parts += [celery["workers"]["celery"], *(part["logGroomerSidecar"] for part in with_groomer)]
    assert all(set(part["resources"]) == {"requests", "limits"} for part in parts)


def test_the_deployment_makes_the_pool_that_the_settings_name():
    [pool] = read_settings(REPOSITORY / "airflow_settings.yaml").pools
    command = values("values.yaml")["migrateDatabaseJob"]["args"][-1]
    assert f'airflow pools set {pool["name"]} {pool["slots"]} "{pool["description"]}"' in command
    assert command.startswith("airflow db migrate && ")


def _astro():
    return (REPOSITORY / "Dockerfile").read_text()
