import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from dev.local_stack import influxd, influxd_archive, influxd_source
from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.errors import LocalStackError
from dev.local_stack.influxd import VERSION, find_influxd
from dev.local_stack.waiting import wait_until

FAKE_GO = """
for word in "$@"; do
    case "$word" in *pkg-config) target=pkg-config;; *cmd/influxd) target=influxd;; esac
done
/bin/test -f go.mod || exit 3
echo "building $target with $RUSTUP_TOOLCHAIN"
/bin/echo "$target" > "$target"
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a program with this script on an otherwise empty PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def put(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return folder / name

    return put


@pytest.fixture
def no_archive(monkeypatch):
    monkeypatch.setattr(influxd_archive, "archive_for_this_platform", lambda version: None)


@pytest.mark.parametrize("version", ["InfluxDB v2.7.12 (git: ...)", "InfluxDB dev (git: none)", "InfluxDB 2.9.1"])
def test_influxd_2_on_the_path_is_used(program, version):
    path = program("influxd", f"echo '{version}'")
    assert find_influxd(pytest.fail) == path


@pytest.mark.usefixtures("no_archive")
@pytest.mark.parametrize("version", ["InfluxDB v1.8.10 (git: 1.8 688e697)", "influxdb3 3.0.1"])
def test_another_influxd_is_ignored(program, version):
    program("influxd", f"echo '{version}'")
    said = []
    with pytest.raises(LocalStackError):
        find_influxd(said.append)
    assert "InfluxDB 2.x is needed" in said[0]


@pytest.mark.usefixtures("no_archive")
def test_missing_build_tools_are_named_in_one_line(program):
    with pytest.raises(LocalStackError) as error:
        find_influxd(lambda text: None)
    text = str(error.value)
    assert "Go 1.25 or newer" in text
    assert "rustup.rs" in text
    assert "INFLUXDB_URL" in text
    assert "\n" not in text


def test_a_failed_archive_leads_to_a_build(program, monkeypatch):
    def fail(*arguments):
        raise influxd_archive.ArchiveError("no way")

    monkeypatch.setattr(influxd_archive, "install", fail)
    monkeypatch.setattr(influxd_source, "build", lambda version, binary, *say: binary.write_text(""))
    said = []
    assert find_influxd(said.append).name == "influxd"
    assert said == ["no way; building influxd from source instead"]


def test_two_processes_at_once_fetch_it_once(program, monkeypatch):
    fetched, may_continue = [], threading.Event()

    def provision(binary, say, progress):
        fetched.append(binary)
        may_continue.wait(5)
        binary.write_text("")

    monkeypatch.setattr(influxd, "_provision", provision)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(find_influxd(lambda text: may_continue.set()))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(fetched) == 1
    assert found == [fetched[0]] * 2
    assert VERSION in str(fetched[0])


@pytest.mark.usefixtures("no_archive")
def test_a_build_is_kept(program):
    program("go", FAKE_GO)
    program("cargo", "")
    program("cc", "")
    said = []
    binary = find_influxd(said.append)
    assert binary.read_text() == "influxd\n"
    assert sorted(file.name for file in binary.parent.iterdir()) == ["build.log", "influxd", "influxd.lock"]
    assert any(f"Building influxd {VERSION} from source, about 4 to 8 minutes" in line for line in said)
    assert find_influxd(pytest.fail) == binary


@pytest.mark.usefixtures("no_archive")
def test_a_space_in_the_path_of_the_cache_does_not_reach_go(program, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    monkeypatch.delenv("GOCACHE", raising=False)
    program("go", f'{FAKE_GO}\necho "$GOCACHE|$PKG_CONFIG"')
    program("cargo", "")
    program("cc", "")
    binary = find_influxd(lambda text: None)
    go_cache, pkg_config = (binary.parent / "build.log").read_text().splitlines()[-1].split("|")
    assert go_cache
    assert " " not in go_cache
    assert not Path(go_cache).exists()
    assert re.fullmatch(r"'.*/a cache/.*/pkg-config'", pkg_config)


@pytest.mark.usefixtures("no_archive")
def test_a_failing_build_says_why_even_if_packages_are_listed_after_it(program):
    program("go", "echo first; echo 'go.mod requires go >= 1.25' >&2; echo github.com/influxdata/flux; exit 1")
    program("cargo", "")
    program("cc", "")
    with pytest.raises(LocalStackError, match=r"go\.mod requires go >= 1\.25 \(all of it: .*build\.log\)"):
        find_influxd(lambda text: None)


def is_alive(pid):
    """Return whether the process is alive; a zombie, which waits to be reaped, is not."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def heed_interrupts():
    """Undo what a shell does for jobs in the background: their children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_build_leaves_nothing_and_the_next_one_works(program, tmp_path):
    program("go", f"/bin/sleep 600 & echo $! > '{tmp_path}/pid'; wait")
    program("cargo", "")
    program("cc", "")
    command = [sys.executable, "-m", "dev.local_stack", "influxd"]
    # The download fails at once.
    environment = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:1"}
    interrupted = subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True, preexec_fn=heed_interrupts
    )
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "", "the build", 60)
    interrupted.send_signal(signal.SIGINT)
    said, _ = interrupted.communicate(timeout=60)
    assert interrupted.returncode == 130
    assert said.splitlines()[-1].endswith("Stopped")
    assert not is_alive(int((tmp_path / "pid").read_text()))
    kept = tmp_path / "cache" / "candle-ingest" / f"influxd-{VERSION}"
    assert sorted(file.name for file in kept.iterdir()) == ["build.log", "influxd.lock"]


@pytest.mark.usefixtures("no_archive")
def test_the_leftovers_of_a_killed_build_are_deleted_by_the_next_one(program, tmp_path):
    left = tmp_path / "cache" / "candle-ingest" / f"influxd-{VERSION}" / "build-killed"
    left.mkdir(parents=True)
    program("go", FAKE_GO)
    program("cargo", "")
    program("cc", "")
    find_influxd(lambda text: None)
    assert not left.exists()
