"""Merging by plain loops over dicts, which the benchmark compares with the arrays."""

Row = dict[str, float]
PRICES = ("open", "high", "low", "close")


def plain_merge(by_exchange: dict[str, dict[int, Row]]) -> dict[int, Row]:
    """Return averages weighted by volume, minute by minute; plain averages for minutes without trades."""
    times = sorted({time for rows in by_exchange.values() for time in rows})
    return {time: _merged([rows[time] for rows in by_exchange.values() if time in rows]) for time in times}


def _merged(rows: list[Row]) -> Row:
    volume = sum(row["volume"] for row in rows)
    if volume == 0:
        return {key: sum(row[key] for row in rows) / len(rows) for key in PRICES} | {"volume": 0.0}
    return {key: sum(row[key] * row["volume"] for row in rows) / volume for key in PRICES} | {"volume": volume}
