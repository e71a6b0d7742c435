import os

import pytest

from dev.local_stack import postgres_programs
from dev.local_stack.errors import LocalStackError
from dev.local_stack.postgres_programs import as_accepted_user, find_postgres


@pytest.fixture
def debian(tmp_path, monkeypatch):
    """A machine without PostgreSQL on its PATH; returns a function that installs a version as Debian does."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres_programs, "_DEBIAN_FOLDER", tmp_path / "postgresql")

    def install(version):
        folder = tmp_path / "postgresql" / version / "bin"
        folder.mkdir(parents=True)
        for name in ("initdb", "postgres"):
            (folder / name).touch(mode=0o755)
        return folder

    return install


def test_the_newest_of_debians_versions_is_taken(debian):
    debian("9.6")
    newest = debian("15")
    debian("13")
    assert find_postgres() == newest


def test_without_any_it_says_what_to_install(debian):
    with pytest.raises(LocalStackError, match="apt-get install postgresql"):
        find_postgres()


def test_an_ordinary_user_runs_it_as_is(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert as_accepted_user("postgres", "-D", "x") == ("postgres", "-D", "x")


def test_root_becomes_nobody(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(postgres_programs.shutil, "which", lambda name: f"/usr/bin/{name}")
    command = as_accepted_user("postgres", "-D", "x")
    assert command[0] == "/usr/bin/setpriv"
    assert "--clear-groups" in command
    assert command[-3:] == ("postgres", "-D", "x")


def test_root_without_setpriv_is_told_so(debian, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(LocalStackError, match="run make as another user"):
        as_accepted_user("postgres")
