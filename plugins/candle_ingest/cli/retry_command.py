"""`retry`: make unobtainable minutes due again."""

from collections.abc import Collection
from typing import Annotated

import typer

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.cli.moments import now_ms
from candle_ingest.cli.options import AsJson, Pipeline, pipeline_settings
from candle_ingest.cli.output import print_json, say
from candle_ingest.cli.storage import check_symbols, open_bucket
from candle_ingest.connections import connect_redis
from candle_ingest.errors.settings import OptionError
from candle_ingest.exchanges.profiles import PROFILES, canonical_exchange
from candle_ingest.ledger.retry import retry_unobtainable
from candle_ingest.planning.record_keeping import record_keeper
from candle_ingest.plurals import are
from candle_ingest.servers.redis_errors import translate_redis_errors
from candle_ingest.settings import PipelineSettings


def retry(
    symbols: Annotated[str, typer.Option(help="Such as btcusd,ethusd; default: all")] = "",
    exchanges: Annotated[str, typer.Option(help="Such as gate,kraken; default: all")] = "",
    pipeline: Pipeline = "candle",
    as_json: AsJson = False,
) -> None:
    """Make unobtainable minutes due again: the next repair run requests them."""
    settings = pipeline_settings(pipeline)
    pairs = {parse_symbol(text.strip()).currency_pair for text in symbols.split(",")} if symbols else None
    names = _known_exchanges(settings, exchanges) if exchanges else None
    if pairs:
        with open_bucket(settings) as bucket:
            check_symbols(bucket, settings, pairs)
    count = make_due(settings, pairs, names, now_ms())
    if as_json:
        print_json(settings, {"days": count})
    else:
        say(f"{are(count, 'day')} due again; the next run of {settings.repair_dag_id} requests them")


def _known_exchanges(settings: PipelineSettings, text: str) -> set[str]:
    names, known = {canonical_exchange(part) for part in text.split(",")}, {*settings.exchange_ids, *PROFILES}
    if unknown := sorted(names - known):
        raise OptionError(f"--exchanges names {', '.join(unknown)}; write any of {', '.join(sorted(known))}")
    return names


def make_due(
    settings: PipelineSettings, pairs: Collection[str] | None, names: Collection[str] | None, at_ms: int
) -> int:
    """Make the unobtainable minutes of these pairs and exchanges due at `at_ms`; return the number of their days."""
    with translate_redis_errors(), connect_redis() as client, open_bucket(settings) as bucket:
        return retry_unobtainable(bucket, record_keeper(settings, bucket, client), at_ms, pairs, names)
