"""The documentation is current, what it links to exists, and what it shows can be run."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from candle_ingest.exchanges.connection_settings import ALLOWED_KEYS
from candle_ingest.servers.redis_errors import ACL_RULES
from candle_ingest.settings import PipelineSettings

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
README = REPOSITORY / "README.md"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
NAVIGATION = re.compile(r": (\S+\.md)$", re.M)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
YAML = re.compile(r"^( *)```yaml\n(.*?)^ *```", re.S | re.M)
GENERATED = runpy.run_path(str(DOCS / "make_reference.py"))
# States of an earlier design: a page with one of these words is outdated.
OLD_WORDS = re.compile(r"\b(suspected|confirmed|repaired)\b", re.I)
MAX_README_LINES = 150


def page_id(page):
    return str(page.relative_to(REPOSITORY))


def anchors(page):
    """Return the anchors that the headings of a page get."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", GENERATED["PAGES"])
def test_a_generated_page_is_up_to_date(name, monkeypatch):
    monkeypatch.delenv("INFLUXDB_BUCKET", raising=False)
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == GENERATED["page_text"](name), "make reference"


def test_every_page_is_in_the_navigation_once():
    pages = NAVIGATION.findall((REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(pages) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_leads_somewhere(page):
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), target
        # The site holds docs/ only.
        assert page == README or file.is_relative_to(DOCS), target
        if anchor:
            assert anchor in anchors(file), f"{target}#{anchor}"


def test_the_pictures_are_small_and_each_is_shown():
    pictures = set((DOCS / "images").iterdir())
    targets = [(page.parent / target).resolve() for page in PAGES for target, _ in LINK.findall(page.read_text())]
    assert pictures <= set(targets)
    assert 0 < sum(picture.stat().st_size for picture in pictures) < 600_000


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_example_of_settings_is_valid(page):
    for indent, example in YAML.findall(page.read_text(encoding="utf-8")):
        text = re.sub(rf"^{indent}", "", example, flags=re.M)
        for name, values in yaml.safe_load(text)["pipelines"].items():
            PipelineSettings(name=name, **(values or {}))


def test_the_pipeline_of_the_readme_is_part_of_the_one_that_ships():
    [(_, example)] = YAML.findall(README.read_text(encoding="utf-8"))
    shown = yaml.safe_load(example)["pipelines"]
    shipped = yaml.safe_load((REPOSITORY / "include" / "candle_ingest.yaml").read_text(encoding="utf-8"))["pipelines"]
    assert {name: {**shipped[name], **values} for name, values in shown.items()} == shipped


@pytest.mark.parametrize("folder", ["tutorial", "how-to", "explanation"])
def test_no_page_has_a_word_of_the_former_states(folder):
    pages = [page for page in (DOCS / folder).glob("*.md") if page.name != "queries-and-grafana.md"]
    assert pages
    assert [page_id(page) for page in pages if OLD_WORDS.search(page.read_text(encoding="utf-8"))] == []


def test_the_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


def test_the_page_of_connections_names_each_key_that_extra_may_have():
    table = (DOCS / "reference" / "connections.md").read_text(encoding="utf-8").partition("## Extra of an exchange")[2]
    first_cells = [line.split("|")[1] for line in table.partition("## TLS")[0].splitlines() if line.startswith("| `")]
    assert {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)} == set(ALLOWED_KEYS)


def test_the_page_of_connections_names_the_rules_that_a_redis_user_needs():
    rules = ACL_RULES.replace("<key of the symbols>", "top_cryptocurrencies")
    assert rules in (DOCS / "reference" / "connections.md").read_text(encoding="utf-8")


def test_dates_of_a_backfill_are_read_as_the_page_says():
    """Without a zone, Airflow reads them in its `default_timezone`, which the intervals do not follow."""
    program = (
        "from airflow.cli.cli_config import ARG_BACKFILL_FROM_DATE as arg; parse = arg.kwargs['type']; "
        "print(parse('2025-01-01').isoformat(), parse('2025-01-01T00:00Z').isoformat())"
    )
    environment = {**os.environ, "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Europe/Berlin"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "2025-01-01T00:00:00+01:00 2025-01-01T00:00:00+00:00"
    assert "`--from-date 2025-01-01T00:00Z" in (DOCS / "how-to" / "long-backfill.md").read_text(encoding="utf-8")
