import gzip
import re
from pathlib import Path

import plotly
import pytest
from fastapi import HTTPException

from candle_ingest.web import static_files

SCRIPTS = sorted(static_files.FOLDER.glob("*.js"))


def test_plotly_is_the_installed_one():
    packed = static_files.plotly(plotly.__version__).body
    assert gzip.decompress(packed) == (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_bytes()


def test_the_page_names_plotly_by_its_version():
    assert f"plotly/{plotly.__version__}.js" in static_files.index().body.decode()


def test_nothing_comes_from_the_internet():
    for file in static_files.FOLDER.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//cdn", text), file.name


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_every_import_of_a_script_is_served_and_exists_there(file):
    for names, source in re.findall(r'^import \{ (.+) \} from "\./(.+)";$', file.read_text(), re.M):
        text = (static_files.FOLDER / source).read_text()
        for name in names.split(", "):
            assert re.search(rf"^export .*(function|const|class) {name}\b", text, re.M), (source, name)


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_no_script_reads_text_as_html(file):
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", file.read_text())


def test_other_files_are_not_served():
    for name in ("../app.py", "app.py", "", ".."):
        with pytest.raises(HTTPException):
            static_files.static_file(static_files.static_version(), name)


def test_browsers_cache_files_of_the_current_version_and_revalidate_others():
    page = static_files.index().body.decode()
    named = re.findall(r'(?:href|src)="static/(\w+)/([\w.]+)"', page)
    assert {name for _, name in named} == {*(file.name for file in SCRIPTS), "page.css", "candles.svg"}
    for version, name in named:
        assert "immutable" in static_files.static_file(version, name).headers["Cache-Control"]
    assert static_files.static_file("older", "page.css").headers["Cache-Control"] == "no-cache"


def test_a_changed_file_has_a_new_address(tmp_path, monkeypatch):
    before = static_files.static_version()
    for file in static_files.FOLDER.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(static_files, "FOLDER", tmp_path)
    assert static_files.static_version() == before
    (tmp_path / "page.css").write_text("")
    assert static_files.static_version() != before
