"""What every error has: a name, a cause, a cure, and a base class that says who acts on it."""

import re
from collections.abc import Iterator
from typing import ClassVar

_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_TAG = re.compile(rf" \[({_KEBAB.pattern})\]")
_owners: dict[str, str] = {}


def register_name(name: str, owner: str) -> None:
    """Claim `name` for one class or notice. Raises TypeError if it is malformed, or taken by another owner."""
    if not _KEBAB.fullmatch(name):
        raise TypeError(f"{owner}: {name!r} is not a name of at least two words such as exchange-unreachable")
    if _owners.setdefault(name, owner) != owner:
        raise TypeError(f"{owner}: the name {name!r} belongs to {_owners[name]}")


class CandleIngestError(Exception):
    """Base of all errors that this package raises on purpose.

    A class that is raised says what it is called, why it happens, what helps, and how its message reads: `name`,
    `cause`, `cure`, `example`. A subclass without a name of its own has that of its base. The reference of errors is
    generated from these four, and `str(error)` ends with the name in square brackets, where the reader looks it up.
    """

    name: ClassVar[str] = ""
    cause: ClassVar[str] = ""
    cure: ClassVar[str] = ""
    example: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = vars(cls)
        if "name" in own:
            if missing := [field for field in ("cause", "cure", "example") if not own.get(field)]:
                raise TypeError(f"{cls.__qualname__} has a name, and no {' and no '.join(missing)}")
            register_name(cls.name, f"{cls.__module__}.{cls.__qualname__}")

    def __str__(self) -> str:
        return with_name(super().__str__(), self.name)


class TemporaryError(CandleIngestError):
    """The same work may succeed later: Airflow retries the task."""


class PermanentError(CandleIngestError):
    """A retry cannot help: a person acts on what the message says. Airflow does not retry."""


class ConfigurationError(PermanentError):
    """A setting, a param or a connection is wrong. The operator of the pipeline corrects it."""


class SymbolError(PermanentError):
    """A text is not a symbol, or the list of symbols in Redis cannot be used."""


class Notice:
    """The name of a warning in the log that a person can act on; it ends the line: `logger.warning("… %s", NOTICE)`."""

    every: ClassVar[list["Notice"]] = []

    def __init__(self, name: str, *, cause: str, cure: str, example: str) -> None:
        register_name(name, f"notice {name}")
        self.name, self.cause, self.cure, self.example = name, cause, cure, example
        self.every.append(self)

    def __str__(self) -> str:
        return f"[{self.name}]"


def with_name(message: str, name: str) -> str:
    """Return the message with `[name]` at its end and no other name in it.

    The message of an error is often part of the message of another one; only the outermost one keeps its name.
    """
    bare = without_names(message)
    return f"{bare} [{name}]" if name else bare


def without_names(message: str) -> str:
    """Return the message without the names of errors in it; other words in square brackets stay."""
    return _TAG.sub(lambda tag: "" if tag[1] in _owners else tag[0], message)


def named_errors(base: type[CandleIngestError] = CandleIngestError) -> Iterator[type[CandleIngestError]]:
    """Yield the classes below `base` that have a name of their own, of all modules that are imported."""
    for kind in base.__subclasses__():
        if "name" in vars(kind):
            yield kind
        yield from named_errors(kind)
