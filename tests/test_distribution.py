"""How the tests with servers are distributed to the workers of pytest-xdist."""

from pathlib import Path

import pytest

from tests.integration.conftest import LONGEST, SHARING_FOLDERS, group_of

TESTS = Path(__file__).parent


@pytest.mark.parametrize("folder", SHARING_FOLDERS)
def test_files_that_share_an_airflow_go_to_one_worker(folder):
    files = list((TESTS / "integration" / folder).glob("test_*.py"))
    assert len(files) > 1
    assert {group_of(f"{file}::test_something") for file in files} == {folder}


@pytest.mark.parametrize("name", LONGEST)
def test_what_takes_minutes_exists(name):
    assert [path for path in TESTS.rglob(f"{name}*") if path.stem == name]
