"""The fields of a day record in InfluxDB, and back.

`day_records`: tags `currency_pair`, `exchange`; time midnight UTC. Fields: `state` (provisional, open, unobtainable,
final) and `market` strings; `expected`, `present`, `quiet`, `outage`, `not_listed`, `silent`, `rejected`, `failed`,
`unobtainable`, `not_asked` integers, which add up to `expected`; `unconfirmed` integer, those of them whose closing
looks failed until they were given up, and `by_list`, those not listed that were never requested because the exchange's
list of markets lacked the pair; `answered_version` and `merged_version` integers: a merge is missing where the
first is larger; `due_ms` integer, when the exchange is asked again, 0 for never; `last_traded_ms` integer, the open
time of the last candle with volume, 0 for none; `record` string, JSON: all that the program itself needs. The merge
writes `merged_version`, the fetch all others, so that neither overwrites the other's.
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from candle_ingest.candles.pace import Pace
from candle_ingest.candles.window import Window
from candle_ingest.ledger.day_record import Change, ClosingRule, DayRecord
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.stretch import Stretch
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef

PLAIN = (
    "market", "answered_version", "looks", "closing_tries", "closing_due_ms", "closing_since_ms", "unconfirmed_reason",
    "last_look_ms", "end_asked_ms", "proved_ms", "source",
)  # fmt: skip


def record_fields(record: DayRecord, rule: ClosingRule) -> dict[str, Any]:
    """Return the fields of the point that a fetch writes."""
    return {
        "state": str(record.state),
        "market": record.market,
        **record.counts().to_dict(),
        "unconfirmed": record.unconfirmed_slots,
        "by_list": sum(s.window.slots(record.slot_ms) for s in record.stretches if s.by_list),
        "answered_version": record.answered_version,
        "due_ms": record.due_ms(rule) or 0,
        "last_traded_ms": record.last_traded_ms,
        "record": record_text(record),
    }


def record_text(record: DayRecord) -> str:
    """Return everything else that the program needs of a record, as JSON."""
    content = {name: getattr(record, name) for name in PLAIN}
    content["marks"] = base64.b64encode(zlib.compress(record.marks)).decode()
    content["stretches"] = [_stretch_to_json(stretch) for stretch in record.stretches]
    content["changes"] = [[c.start_ms, c.end_ms, c.version] for c in record.changes]
    content["history"] = [record.history.traded, record.history.answered]
    content["closed"] = [[w.start_ms, w.end_ms] for w in record.closed]
    content["unconfirmed"] = [[w.start_ms, w.end_ms] for w in record.unconfirmed]
    return json.dumps(content, separators=(",", ":"))


def record_from_text(currency_pair: str, exchange: str, day_ms: int, text: str, merged_version: int) -> DayRecord:
    """Return the record that `record_text` wrote. Raises ValueError if the text is anything else."""
    try:
        content = json.loads(text)
        marks = zlib.decompress(base64.b64decode(content["marks"]))
        return DayRecord(
            currency_pair=currency_pair,
            exchange=exchange,
            day_ms=day_ms,
            merged_version=merged_version,
            marks=marks,
            stretches=tuple(_stretch_from_json(values) for values in content["stretches"]),
            changes=tuple(Change(*values) for values in content["changes"]),
            history=Pace(*content["history"]),
            closed=_windows(content["closed"]),
            unconfirmed=_windows(content["unconfirmed"]),
            **{name: content[name] for name in PLAIN},
        )
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise ValueError(f"not the record of a day: {error!r}") from None


def _windows(values: Sequence[Sequence[int]]) -> tuple[Window, ...]:
    return tuple(Window(start_ms, end_ms) for start_ms, end_ms in values)


def _stretch_to_json(stretch: Stretch) -> dict[str, Any]:
    values = {"start_ms": stretch.start_ms, "end_ms": stretch.end_ms, "state": str(stretch.state)}
    optional = {
        "reason": stretch.reason,
        "since_ms": stretch.since_ms,
        "tries": stretch.tries,
        "due_ms": stretch.due_ms,
        "was_silent": stretch.was_silent,
        "row_missing": stretch.row_missing,
        "by_list": stretch.by_list,
        "candle_lost": stretch.candle_lost,
        "recorder": asdict(stretch.recorder) if stretch.recorder != TaskInstanceRef() else None,
    }
    return {**values, **{key: value for key, value in optional.items() if value}}


def _stretch_from_json(values: Mapping[str, Any]) -> Stretch:
    recorder = TaskInstanceRef(**values.get("recorder", {}))
    return Stretch(**{**values, "state": MinuteState(values["state"]), "recorder": recorder})
