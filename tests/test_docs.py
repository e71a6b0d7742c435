"""The pages in docs/ are current, and what they link to exists."""

import re
import runpy
from pathlib import Path

import pytest
import yaml

from candle_ingest.settings import PipelineSettings

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
YAML = re.compile(r"```yaml\n(.*?)```", re.S)


def anchors(page):
    """The names that headings of a page get as links."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_reference_is_what_the_code_says(monkeypatch):
    monkeypatch.delenv("INFLUXDB_BUCKET", raising=False)
    made = runpy.run_path(str(DOCS / "make_reference.py"))
    assert made["REFERENCE"].read_text(encoding="utf-8") == made["reference"](), "run make reference"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page):
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), f"{target}#{anchor}"


def test_the_pictures_are_small_and_each_is_shown():
    pictures = set((DOCS / "images").iterdir())
    targets = [(page.parent / target).resolve() for page in PAGES for target, _ in LINK.findall(page.read_text())]
    assert pictures <= set(targets)
    assert 0 < sum(picture.stat().st_size for picture in pictures) < 600_000


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_every_example_of_settings_is_valid(page):
    for example in YAML.findall(page.read_text(encoding="utf-8")):
        for name, values in yaml.safe_load(example)["pipelines"].items():
            PipelineSettings(name=name, **(values or {}))
