"""requirements.txt, which the images install, has the versions of the lock."""

import tomllib

from packaging.requirements import Requirement

from dev.requirements import REPOSITORY, REQUIREMENTS, locked_versions, requirements_text


def test_requirements_have_the_versions_of_the_lock():
    assert REQUIREMENTS.read_text(encoding="utf-8") == requirements_text(), "run make lock"


def test_an_image_gets_every_dependency_in_the_tested_version():
    lines = [line for line in requirements_text().splitlines() if not line.startswith("#")]
    pinned = {requirement.name: requirement for requirement in map(Requirement, lines)}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {Requirement(line).name for line in project["dependencies"]} - set(pinned) == {"apache-airflow"}
    for name, requirement in pinned.items():
        assert str(requirement.specifier) == f"=={locked_versions()[name]}"


def test_the_lock_satisfies_the_requirements_of_the_project():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in map(Requirement, project["dependencies"]):
        assert requirement.specifier.contains(locked_versions()[requirement.name]), requirement
