"""The README names every setting, param, make target and error message as they are in the code."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from candle_ingest.__main__ import app
from candle_ingest.metric_catalogue import ALL as ALL_METRICS
from candle_ingest.orchestration.params import dag_params
from candle_ingest.settings import PipelineSettings

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "plugins" / "candle_ingest"
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
OWN_ERROR = re.compile(
    r"\w*(Temporary|Permanent|Configuration|Symbol|Incomplete|NotPlanned|BucketMissing|RejectedRows)Error"
)
# Shorter ones only lead to a text that comes from elsewhere: "InfluxDB, query: …".
SHORTEST_MESSAGE = 12
PLACEHOLDER = re.compile(r"<[^>]+>|…")


def section(heading):
    """The text below a heading, up to the next heading of the same or a higher level."""
    level = heading.split()[0]
    return re.split(rf"^#{{2,{len(level)}}} ", README.split(f"\n{heading}\n")[1], flags=re.M)[0]


def table(text):
    """The cells of each row whose first cell is code."""
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]


def literal_texts(file):
    """The literal texts of a Python file."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def plain(text):
    """Without the marks that Markdown and messages write differently."""
    return " ".join(text.replace("`", "").split())


def error_texts(file):
    """The beginning of the longest literal part of each error that a file makes."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
        if OWN_ERROR.fullmatch(name) or (file.name == "settings.py" and name == "ValueError"):
            parts = [part.value for arg in node.args for part in ast.walk(arg) if isinstance(part, ast.Constant)]
            longest = max((part for part in parts if isinstance(part, str)), key=len, default="")
            if len(longest) > SHORTEST_MESSAGE:
                yield " ".join(plain(longest).strip(" .,:;()").split()[:8])


def test_every_setting_stands_there_with_its_default(monkeypatch):
    monkeypatch.delenv("INFLUXDB_BUCKET", raising=False)
    rows = table(section("## Settings").split("### ")[0])
    told = {row[0].strip("`"): yaml.safe_load(row[1].strip("`")) for row in rows}
    assert told == PipelineSettings(name="candle").model_dump(mode="json", exclude={"name"})


@pytest.mark.parametrize("kind", ["backfill", "catch_up"])
def test_every_param_stands_there(kind):
    told = [row[0].strip("`") for row in table(section("### Params of one run"))]
    assert told == list(dag_params(PipelineSettings(name="candle"), kind))


def test_every_metric_stands_there():
    told = [row[0].strip("`") for row in table(section("## Metrics"))]
    assert told == [metric.name for metric in ALL_METRICS]


def test_every_command_stands_there():
    told = [row[0].strip("`").split()[0] for row in table(section("## The terminal"))]
    assert told == [command.callback.__name__ for command in app.registered_commands]


def test_every_make_target_stands_there():
    targets = re.findall(r"^([a-z-]+):.*## ", (REPOSITORY / "Makefile").read_text(), re.M)
    told = [row[0].strip("`").removeprefix("make ") for row in table(section("### All targets"))]
    assert sorted(told) == sorted(targets)


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: file.stem)
def test_every_error_stands_there(file):
    told = plain(section("## Messages: cause and cure"))
    assert [text for text in error_texts(file) if text not in told] == []


def test_every_message_stands_in_the_code():
    files = [*PACKAGE.rglob("*.py"), *(REPOSITORY / "include" / "local_stack").rglob("*.py")]
    texts = [text for file in files for text in literal_texts(file)] + [(REPOSITORY / "Makefile").read_text()]
    code = plain(" ".join(texts))
    messages = [row[0] for row in table(section("## Messages: cause and cure").split("**Airflow**")[0])]
    parts = [part.strip(" `") for message in messages for part in PLACEHOLDER.split(message)]
    assert [part for part in parts if len(part) > 3 and part not in code] == []


def test_every_view_of_the_page_stands_there():
    script = (PACKAGE / "web" / "static" / "page.js").read_text(encoding="utf-8")
    views = re.findall(r'\["(\w+)", show\w+\]', script)
    rows = [line.split(" | ")[0].strip("| ") for line in section("## The page").splitlines() if line.startswith("| ")]
    assert rows[1:] == views
    assert len(views) == 5


def test_the_texts_of_the_page_that_the_readme_names_are_there():
    scripts = " ".join(file.read_text(encoding="utf-8") for file in (PACKAGE / "web" / "static").glob("*.js"))
    named = re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", section("## The page"))
    assert named != []
    assert [text for text in named if text not in scripts] == []
