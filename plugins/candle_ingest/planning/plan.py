"""The plan of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.window import Window
from candle_ingest.planning.fetch_batch import FetchBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is fetched and merged.

    `batches` are those of the mapped fetches. `tickers` are the symbols as written in Redis or in the params: several
    may name the same pair. `left_out` has a sentence for each exchange of the run that cannot be reached, and for each
    symbol that another pipeline keeps. `vanished` names, by pair, the exchanges that no longer list its market.
    `end_ms` is where the run ends. It is fixed here because more candles, which were not requested, may have closed by
    the time of the merge.
    """

    batches: list[FetchBatch]
    tickers: list[str]
    end_ms: int
    left_out: list[str] = field(default_factory=list)
    vanished: dict[str, list[str]] = field(default_factory=dict)

    def to_xcom(self) -> dict[str, Any]:
        """Return plain values without the batches, which the fetches are mapped over."""
        return {
            "tickers": self.tickers,
            "end_ms": self.end_ms,
            "left_out": self.left_out,
            "vanished": self.vanished,
        }

    @classmethod
    def from_xcom(cls, values: Mapping[str, Any], batches: Sequence[Mapping[str, Any]]) -> Self:
        """Return the plan that `to_xcom` was called on, with the batches that Airflow mapped."""
        return cls(
            batches=[FetchBatch.from_xcom(entry["batch"]) for entry in batches],
            tickers=list(values["tickers"]),
            end_ms=int(values["end_ms"]),
            left_out=list(values["left_out"]),
            vanished=dict(values["vanished"]),
        )

    @property
    def symbols(self) -> set[str]:
        """Return the currency pairs of the tickers."""
        return {parse_symbol(ticker).currency_pair for ticker in self.tickers}

    @property
    def pairs(self) -> list[str]:
        """Return the symbols to fetch, each once; rate pairs, which convert them, are not included."""
        symbols = self.symbols
        return [
            pair for pair in dict.fromkeys(pair for batch in self.batches for pair in batch.markets) if pair in symbols
        ]

    def without(self, reasons: Mapping[str, str]) -> Self:
        """Return the plan without some pairs, each with the sentence that says why."""
        tickers = [ticker for ticker in self.tickers if parse_symbol(ticker).currency_pair not in reasons]
        return replace(self, tickers=tickers, left_out=[*self.left_out, *reasons.values()])

    def windows_of(self, pair: str) -> list[Window]:
        """Return the windows that the plan itself chose for a pair, on all exchanges."""
        return [window for batch in self.batches for window in batch.windows.get(pair, ())]
