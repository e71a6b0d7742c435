import os
import re
import shutil
import subprocess
import sys

import pytest

from dev.local_stack.airflow_processes import REPOSITORY


@pytest.fixture
def make(tmp_path):
    """Run `make` in an empty copy of the project, with these programs first on the PATH."""
    for file in ("Makefile", "requirements-dev.lock"):
        shutil.copy(REPOSITORY / file, tmp_path)

    def run(*arguments, **programs):
        folder = tmp_path / "programs"
        folder.mkdir(exist_ok=True)
        for name, script in programs.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        # The make that runs these tests must not pass its flags to this one.
        for inherited in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            environment.pop(inherited, None)
        return subprocess.run(
            ["make", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


def test_make_alone_lists_the_targets(make):
    listed = make().stdout
    for target in ("setup", "run", "simulator", "test", "lint", "format", "lock", "clean"):
        assert f"  make {target} " in listed


def test_an_old_python_is_refused_with_what_to_do(make):
    old = 'case "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac'
    names = ("python3", "python3.11", "python3.12", "python3.13")
    answer = make("setup", **dict.fromkeys(names, old))
    assert answer.returncode != 0
    first = answer.stderr.splitlines()[0]
    assert first.startswith("Python 3.11, 3.12 or 3.13 is needed (python3 here: Python 3.9.2). Install one")


@pytest.mark.parametrize(
    ("said", "status", "expected"),
    [
        ("No known vulnerabilities found", 0, (0, False)),
        ("Found 1 known vulnerability in 1 package", 1, (2, False)),
        ("ERROR: Connection refused", 1, (2, True)),
    ],
)
def test_an_audit_that_could_not_check_fails_and_says_so(make, tmp_path, said, status, expected):
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "uvx").write_text(f"#!/bin/sh\necho '{said}'\nexit {status}\n")
    (tmp_path / ".venv" / "bin" / "uvx").chmod(0o755)
    answer = make("-o", "setup", "audit")
    assert (answer.returncode, "Nothing was checked" in answer.stderr) == expected


def test_a_requested_interpreter_that_is_missing_is_named(make):
    answer = make("setup", "PYTHON=python9.9")
    assert answer.returncode != 0
    assert "is needed (python9.9 here: " in answer.stderr


def test_an_environment_of_another_interpreter_is_replaced_once(make, tmp_path):
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    other = tmp_path / ".venv" / "bin" / "python"
    other.write_text('#!/bin/sh\ncase "$2" in *base_prefix*) echo /other 3 12 0;; esac\n')
    other.chmod(0o755)
    (tmp_path / ".venv" / ".installed-from-lock").touch()
    assert "Nothing to be done" in make("-n", "setup").stdout
    assert "-m venv --clear .venv" in make("-n", "setup", f"PYTHON={sys.executable}").stdout
    other.unlink()
    other.symlink_to(sys.executable)
    assert "Nothing to be done" in make("-n", "setup", f"PYTHON={sys.executable}").stdout


def test_help_shows_the_defaults_of_the_options(make):
    listed = make().stdout
    assert "  ONCE=0 " in listed
    assert "  LOCAL_STACK_FOLDER=.local_stack " in listed


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("run", "BACKFIL=skip"), "BACKFIL is not a variable of make here; did you mean BACKFILL?"),
        (("help", "once=1"), "once is not a variable of make here; did you mean ONCE?"),
        (("clean-data", "FOLDER_OF_DATA=/tmp"), "FOLDER_OF_DATA is not a variable of make here; `make` lists them."),
    ],
)
def test_a_misspelt_variable_is_refused_by_every_target(make, arguments, hint):
    answer = make(*arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    [line] = answer.stderr.splitlines()
    assert hint in line
    assert "To set a variable for another program, export it first" in line
    assert "[make-variable]" in line


def test_variables_of_the_environment_are_not_mistaken_for_those_of_make(make, monkeypatch):
    monkeypatch.setenv("BACKFIL", "skip")
    assert make("help").returncode == 0


def test_every_variable_that_is_listed_or_read_is_accepted(make):
    read = re.findall(r'"([A-Z]+(?:_[A-Z]+)*)"', (REPOSITORY / "dev" / "local_stack" / "options.py").read_text())
    listed = re.findall(r"\b([A-Z][A-Z_]+)=", make().stdout)
    variables = {*read, *(name for name in listed if not name.startswith("_")), "INFLUXDB_ORG"}
    assert {"BACKFILL", "ONCE", "AIRFLOW_PORT", "REDIS_PASSWORD", "PYTHON"} <= variables
    answer = make("help", *(f"{name}=" for name in sorted(variables)))
    assert (answer.returncode, answer.stderr) == (0, "")
