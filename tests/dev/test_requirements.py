"""requirements.txt, which the images install, is what the lock says."""

import tomllib

from packaging.requirements import Requirement

from dev.requirements import REPOSITORY, REQUIREMENTS, locked_versions, requirements_text


def test_requirements_are_what_the_lock_says():
    assert REQUIREMENTS.read_text(encoding="utf-8") == requirements_text(), "run make lock"


def test_an_image_gets_all_that_the_package_needs_in_the_tested_versions():
    lines = [line for line in requirements_text().splitlines() if not line.startswith("#")]
    pinned = {requirement.name: requirement for requirement in map(Requirement, lines)}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {Requirement(line).name for line in project["dependencies"]} - set(pinned) == {"apache-airflow"}
    for name, requirement in pinned.items():
        assert str(requirement.specifier) == f"=={locked_versions()[name]}"


def test_the_lock_satisfies_what_the_project_asks_for():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in map(Requirement, project["dependencies"]):
        assert requirement.specifier.contains(locked_versions()[requirement.name]), requirement
