"""The package can be installed on its own, and its version is written in one place."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

import candle_ingest

REPOSITORY = Path(__file__).parents[1]
BUILD = """
import sys
from setuptools import build_meta
print(build_meta.build_wheel(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build a wheel from a copy of the files it needs, as setuptools leaves folders behind in the source."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (source / name).write_bytes((REPOSITORY / name).read_bytes())
    (source / "plugins").mkdir()
    files = (path for path in (REPOSITORY / "plugins").rglob("*") if path.is_file() and path.suffix != ".pyc")
    for path in files:
        copy = source / path.relative_to(REPOSITORY)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    built = subprocess.run(
        [sys.executable, "-c", BUILD, str(target)], cwd=source, capture_output=True, text=True, check=True
    )
    return target / built.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return the programs folder of a new venv with the wheel; it uses the dependencies of the tests' own venv."""
    venv = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    site = next(venv.glob("lib/python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    command = [sys.executable, "-m", "pip", f"--python={venv / 'bin' / 'python'}", "install", "--quiet", "--no-deps"]
    subprocess.run([*command, "--no-index", "--disable-pip-version-check", str(wheel)], check=True)
    return venv / "bin"


def call(installed, folder, *argv):
    environment = {"PATH": str(installed), "HOME": str(folder), "AIRFLOW_HOME": str(folder / "airflow")}
    return subprocess.run(
        [str(installed / argv[0]), *argv[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_has_the_page_the_types_and_the_licence(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    static = {path for path in (REPOSITORY / "plugins/candle_ingest/web/static").rglob("*") if path.is_file()}
    assert {str(path.relative_to(REPOSITORY / "plugins")) for path in static} <= names
    assert "candle_ingest/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "dev", "benchmarks"))]


def test_the_console_script_lists_the_commands(installed, tmp_path):
    done = call(installed, tmp_path, "candle-ingest", "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: candle-ingest" in done.stdout
    assert "coverage" in done.stdout


def test_without_a_settings_file_the_console_script_says_how_to_name_one(installed, tmp_path):
    done = call(installed, tmp_path, "candle-ingest", "status")
    assert (done.returncode, done.stdout) == (2, "")
    assert "CANDLE_INGEST_CONFIG names the file [settings-file-invalid]" in done.stderr


def test_the_installed_version_is_the_one_of_the_package(installed, tmp_path):
    program = "import importlib.metadata as m; print(m.version('candle-ingest'))"
    done = call(installed, tmp_path, "python", "-c", program)
    assert done.stdout.strip() == candle_ingest.__version__


def test_the_version_is_written_in_one_place():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", candle_ingest.__version__)


def test_ci_and_pre_commit_run_the_same_checks_as_make():
    workflow = (REPOSITORY / ".github/workflows/checks.yml").read_text()
    assert "run: .ci/run" in workflow
    assert os.access(REPOSITORY / ".ci/run", os.X_OK)
    assert "make lint test" in (REPOSITORY / ".ci/run").read_text()
    assert "entry: make lint" in (REPOSITORY / ".pre-commit-config.yaml").read_text()


def test_ci_runs_every_python_that_the_package_allows():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    workflow = (REPOSITORY / ".github/workflows/checks.yml").read_text()
    allowed = {line.rsplit(" ", 1)[1] for line in project["classifiers"] if "Python :: 3." in line}
    assert set(re.findall(r'"(3\.\d+)"', workflow)) == allowed == {"3.11", "3.12", "3.13"}
