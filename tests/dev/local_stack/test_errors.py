import pytest

from candle_ingest.errors.symbols import SymbolListError
from dev.local_stack.errors import StackReportError


@pytest.mark.parametrize(
    ("reason", "name"),
    [(str(SymbolListError("no list")), "symbol-list-unusable"), ("Connection refused", "stack-report")],
)
def test_the_name_of_a_pipeline_error_is_kept(reason, name):
    assert str(StackReportError(f"Can't read what is stored: {reason}")).endswith(f" [{name}]")
