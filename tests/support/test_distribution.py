"""How the tests are distributed to the workers of pytest-xdist."""

from pathlib import Path

import pytest

from tests.support.distribution import LONGEST, SHARING_FOLDERS, SPLIT_FILES, group_of, place

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("folder", SHARING_FOLDERS)
def test_files_of_a_folder_that_share_fixtures_go_to_one_worker(folder):
    files = list((TESTS.parent / folder).glob("test_*.py"))
    assert len(files) > 1
    assert {group_of(f"{folder}/{file.name}::test_something") for file in files} == {folder}


@pytest.mark.parametrize("file", SPLIT_FILES)
def test_tests_that_share_only_servers_may_go_to_any_worker(file):
    assert (TESTS.parent / file).exists()
    assert group_of(f"{file}::test_one") != group_of(f"{file}::test_two")


def test_what_takes_minutes_begins_and_what_takes_moments_comes_last():
    files = ("integration/web/test_data.py", "integration/test_steps.py", "integration/test_rates.py",
             "candle_ingest/web/test_app.py")  # fmt: skip
    places = [place(f"tests/{file}::test_something") for file in files]
    assert places == sorted(places)
    assert len({*places}) == len(files)


@pytest.mark.parametrize("name", LONGEST)
def test_what_takes_minutes_exists(name):
    assert [path for path in TESTS.rglob(f"{name}*") if path.stem == name]
