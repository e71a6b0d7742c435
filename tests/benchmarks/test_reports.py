import io
from datetime import date

import pytest
from rich.console import Console

from benchmarks.cells import HEADINGS, number
from benchmarks.figures import Figures
from benchmarks.kept_results import Kept, keep, kept_results
from benchmarks.machine import Machine
from benchmarks.markdown import markdown_page
from benchmarks.result import Result, at_least, at_most
from benchmarks.terminal import terminal_report

FAST = Result(name="merge", what="arrays against dicts", figures=Figures((20.0, 25.0, 22.0)), target=at_least(10))
SLOW = Result(
    name="parse", what="DAG file", figures=Figures((0.31, 0.3)), unit="s", target=at_most(0.15),
    falls_short_because="importing takes it all.",
)  # fmt: skip
WITHOUT_TARGET = Result(name="start", what="a | b", figures=Figures((4.0,)), unit="/s", detail="without it 0.8")
MACHINE = Machine(cores=2, memory_gb=25.3, python="3.11.7", system="Linux x86_64")
DAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("target", "figure", "met"),
    [(at_least(3), 3.0, True), (at_least(3), 2.9, False), (at_most(3), 3.0, True), (at_most(3), 3.1, False)],
)
def test_a_target_is_met_from_its_own_figure_on(target, figure, met):
    assert Result(name="x", what="x", figures=Figures((figure,)), target=target).met is met


def test_the_median_decides():
    assert Result(name="x", what="x", figures=Figures((1.0, 9.0, 9.0)), target=at_least(5)).met


@pytest.mark.parametrize(
    ("figure", "text"), [(0.126, "0.13"), (2.0, "2.00"), (21.44, "21.4"), (288.4, "288"), (43_200.0, "43,200")]
)
def test_smaller_numbers_have_more_decimals(figure, text):
    assert number(figure) == text


def test_the_page_has_a_row_for_each_result_and_a_reason_for_each_missed_target():
    page = markdown_page([Kept(result, MACHINE, DAY) for result in (FAST, SLOW, WITHOUT_TARGET)])
    assert "Measured on 2026-11-23: 2 cores, 25 GB of memory, Linux x86_64, Python 3.11.7." in page
    assert "| merge | arrays against dicts | 22.0 × | ≥ 10.0 × | yes | 3 | 20.0 to 25.0 |" in page
    assert "| parse | DAG file | 0.30 s | ≤ 0.15 s | no | 2 | 0.30 to 0.31 |" in page
    assert r"| start | a \| b (without it 0.8) | 4.00 /s | - | - | 1 | 4.00 to 4.00 |" in page
    assert page.endswith("## Missed targets\n- parse: importing takes it all.\n")


def test_a_page_without_missed_targets_has_no_such_heading():
    assert "Missed targets" not in markdown_page([Kept(FAST, MACHINE, DAY)])


def test_the_terminal_shows_the_same():
    out = io.StringIO()
    Console(file=out, width=200).print(terminal_report([FAST, SLOW, WITHOUT_TARGET]))
    shown = out.getvalue()
    for text in (*HEADINGS, "22.0 ×", "≥ 10.0 ×", "20.0 to 25.0", "parse: importing takes it all."):
        assert text in shown


def test_a_result_is_kept_until_it_is_measured_again(tmp_path):
    for result in (SLOW, FAST, WITHOUT_TARGET):
        keep(tmp_path, Kept(result, MACHINE, DAY))
    again = Kept(Result(name="merge", what="again", figures=Figures((30.0,))), MACHINE, date(2026, 11, 24))
    keep(tmp_path, again)
    names = ["merge", "never measured", "parse", "start"]
    assert kept_results(tmp_path, names) == [again, Kept(SLOW, MACHINE, DAY), Kept(WITHOUT_TARGET, MACHINE, DAY)]
