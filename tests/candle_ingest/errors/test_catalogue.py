"""Every error of the package that a user can meet has a name; the source is read for it."""

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import candle_ingest
from candle_ingest.errors.base import (
    CandleIngestError,
    ConfigurationError,
    PermanentError,
    SymbolError,
    TemporaryError,
)

PACKAGE = Path(candle_ingest.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
BASES = (CandleIngestError, TemporaryError, PermanentError, ConfigurationError, SymbolError)
# Where a base class may be written without being raised: who catches, who asks, who derives, who annotates.
BASE_NAMES = {kind.__name__ for kind in BASES}
# Functions that take the class of an error to be caught.
HANDLERS = ("add_exception_handler", "retry_if_exception_type", "suppress")


def calls_with_classes(call):
    """Return the arguments of a call that are classes to look for or to catch."""
    if getattr(call.func, "id", "") in ("isinstance", "issubclass"):
        return call.args[1:]
    return call.args if getattr(call.func, "attr", "") in HANDLERS else []


# Parts of each kind of node in which a base class is not raised.
ALLOWED = {
    ast.ExceptHandler: lambda node: [node.type],
    ast.ClassDef: lambda node: node.bases,
    ast.FunctionDef: lambda node: [node.returns],
    ast.arg: lambda node: [node.annotation],
    ast.AnnAssign: lambda node: [node.annotation],
    ast.Dict: lambda node: node.keys,
    ast.Call: calls_with_classes,
}


def bare_bases(tree):
    """Return lines that name a base class of errors other than to catch, look for, derive or annotate."""
    parts = [part for node in ast.walk(tree) for part in ALLOWED.get(type(node), lambda node: [])(node) if part]
    allowed = {id(name) for part in parts for name in ast.walk(part)}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in BASE_NAMES]
    return [f"{name.id}, line {name.lineno}" for name in names if id(name) not in allowed]


def below(kind):
    return [kind, *(one for child in kind.__subclasses__() for one in below(child))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_raises_or_makes_an_error_of_a_base_class(path):
    folder = path.relative_to(PACKAGE).parts[0]
    if folder != "errors":
        found = bare_bases(ast.parse(path.read_text(encoding="utf-8")))
        assert not found, f"{found}: raise a class that has a name"


def test_every_class_of_errors_that_is_no_base_has_a_name_cause_and_cure():
    for module in pkgutil.walk_packages([str(PACKAGE)], "candle_ingest."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    kinds = [kind for kind in below(CandleIngestError) if kind.__module__.startswith("candle_ingest.")]
    nameless = [kind.__qualname__ for kind in kinds if kind not in BASES and not (kind.name and kind.cause)]
    assert nameless == []
    assert len(kinds) > 30


def test_a_raised_base_class_would_be_found():
    assert bare_bases(ast.parse("raise TemporaryError('…')")) == ["TemporaryError, line 1"]
    assert bare_bases(ast.parse("kind = PermanentError if hopeless else Own")) == ["PermanentError, line 1"]
    assert bare_bases(ast.parse("def f(e: SymbolError) -> None:\n try: g()\n except TemporaryError: pass")) == []
