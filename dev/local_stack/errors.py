"""The one error of the local stack: what went wrong and what to do, in one line."""

from __future__ import annotations


class LocalStackError(Exception):
    """Shown to the user as it is, without a traceback, and ends the run with exit status 1."""
