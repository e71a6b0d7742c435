"""`doctor`: check what is known of each exchange against its live responses."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated
from urllib.parse import urlsplit

import typer

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.cli.moments import moment_in_words, moment_ms, now_ms
from candle_ingest.cli.options import AsJson, Pipeline, pipeline_settings
from candle_ingest.cli.output import print_json, print_table, say, warn
from candle_ingest.cli.storage import check_symbols, listed_symbols, open_bucket
from candle_ingest.connections import RedisClient, connect_redis, exchange_connection
from candle_ingest.doctor.comparison import DayComparison, compare_day, compare_unlisted_day
from candle_ingest.doctor.examination import examine, open_exchange
from candle_ingest.doctor.exchange_under_test import ExchangeUnderTest
from candle_ingest.doctor.finding import Finding, Verdict
from candle_ingest.doctor.publication import measure_publication
from candle_ingest.doctor.stored_findings import write_findings
from candle_ingest.errors.settings import OptionError
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.profiles import canonical_exchange
from candle_ingest.plurals import are, counted
from candle_ingest.reports.simulated_data import is_simulated
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.candle_store import CandleStore

COMPARED = ("equal", "different", "only stored", "only fresh")
Exchanges = Annotated[list[str] | None, typer.Option("--exchange", help="Only this exchange; repeatable")]
Symbols = Annotated[list[str] | None, typer.Option("--symbol", help="With --compare: only this symbol; repeatable")]


def doctor(
    pipeline: Pipeline = "candle",
    exchange: Exchanges = None,
    minutes: Annotated[
        int, typer.Option(min=0, max=60, help="Minutes to watch for the publication delay; 0: none")
    ] = 3,
    compare: Annotated[
        str, typer.Option(help="Compare a stored day, such as 2026-11-20, with a fresh response instead")
    ] = "",
    symbol: Symbols = None,
    as_json: AsJson = False,
) -> None:
    """Check each known fact about the exchanges against their live responses, within the shared limits.

    Exit status 1 if a fact differs or an exchange does not answer.
    """
    settings = pipeline_settings(pipeline)
    with _opened(settings, exchange) as clients:
        if compare:
            compared = list(_compared(settings, clients, compare, symbol))
            sound = _report_comparison(settings, compared, as_json=as_json)
        else:
            found = _examined(clients, minutes, quiet=as_json)
            sound = _report_findings(settings, found, as_json=as_json)
    if not sound:
        raise typer.Exit(1)


@contextmanager
def _opened(settings: PipelineSettings, chosen: list[str] | None) -> Iterator[list[ExchangeClient]]:
    """Open the clients of the chosen exchanges; they share limits with the tasks."""
    names = [canonical_exchange(name) for name in chosen or settings.exchange_ids]
    foreign = sorted(set(names) - set(settings.exchange_ids))
    if foreign:
        raise OptionError(f"--exchange {', '.join(foreign)}: the pipeline has {', '.join(settings.exchange_ids)}")
    with connect_redis() as redis_client:
        _say_where({name: url for name in names if (url := exchange_connection(name).base_url)})
        yield [_client(settings, name, redis_client) for name in names]


def _say_where(urls: Mapping[str, str]) -> None:
    """Warn that a simulator or a proxy answers instead of the exchanges themselves."""
    for name, url in urls.items():
        warn(f"{name}: requests go to {urlsplit(url).hostname or ''}, not to the exchange's own address")


def _client(settings: PipelineSettings, name: str, redis_client: RedisClient) -> ExchangeClient:
    delay = settings.api_call_delay_seconds
    return ExchangeClient(exchange_connection(name), delay_seconds=delay, redis_client=redis_client)


def _examined(clients: list[ExchangeClient], minutes: int, *, quiet: bool) -> list[Finding]:
    """Return the findings on all exchanges; unless `quiet`, print those on each as soon as they are known."""
    found: list[Finding] = []
    answering: list[ExchangeUnderTest] = []
    for client in clients:
        subject = open_exchange(client)
        if subject is None:
            say(f"{client.exchange}: there are no known facts to check.", "yellow")
            continue
        findings = examine(subject)
        answering += [subject] if len(findings) > 1 else []
        found += findings
        if not quiet:
            _print(client.exchange, findings)
    if minutes and answering:
        delays = measure_publication(answering, minutes)
        found += delays
        if not quiet:
            _print(f"Publication delay over {counted(minutes, 'minute')}", delays, first="exchange")
    return found


def _print(title: str, findings: list[Finding], first: str = "fact") -> None:
    say(title, "bold")
    rows = [(getattr(f, first), f.expected, f.seen, str(f.verdict)) for f in findings]
    print_table((first, "expected", "seen", "verdict"), (), rows)


def _report_findings(settings: PipelineSettings, found: list[Finding], *, as_json: bool) -> bool:
    """Print the end of the report, and store the findings for the page; return whether all are harmless."""
    sound = all(finding.is_harmless for finding in found)
    checked_ms = now_ms()
    if as_json:
        print_json(settings, {"now_ms": checked_ms, "sound": sound, "findings": [asdict(finding) for finding in found]})
    else:
        _say_conclusion(found, simulated=is_simulated(settings))
    with open_bucket(settings) as bucket:
        write_findings(bucket, found, checked_ms)
    return sound


def _say_conclusion(found: list[Finding], *, simulated: bool) -> None:
    wrong = [finding for finding in found if not finding.is_harmless]
    if not wrong:
        unseen = sum(finding.verdict is Verdict.NOT_SEEN for finding in found)
        known = len(found) - unseen
        say(f"{are(known, 'fact')} as expected, and {unseen} could not be observed.", "green")
    for finding in wrong:
        say(
            f"{finding.exchange}, {finding.fact}: {finding.verdict}; expected {finding.expected}, seen {finding.seen}",
            "red",
        )
    if simulated:
        say("Only the simulator was checked.", "yellow")


def _compared(
    settings: PipelineSettings, clients: list[ExchangeClient], date: str, tickers: list[str] | None
) -> Iterator[DayComparison]:
    """Compare each stored pair and exchange of that day."""
    start_ms = moment_ms("--compare", date)
    day = Window(start_ms, start_ms + DAY_MS)
    if start_ms % DAY_MS or day.end_ms > now_ms():
        raise OptionError(f"--compare {date}: write a UTC day that is over, such as 2026-11-20")
    symbols = [parse_symbol(ticker) for ticker in tickers] if tickers else listed_symbols(settings)
    pairs = dict.fromkeys(symbol.currency_pair for symbol in symbols)
    with open_bucket(settings) as bucket:
        check_symbols(bucket, settings, pairs)
        store = CandleStore(bucket)
        for client in clients:
            stored = store.last_markets(client.exchange)
            listed = {market["symbol"]: market for market in client.fetch_markets()}
            for pair in pairs:
                if market := listed.get(stored.get(pair, "")):
                    yield compare_day(client, store, pair, market, day, settings.timeframe, now_ms())
                elif pair in stored:
                    yield from compare_unlisted_day(client.exchange, store, pair, stored[pair], day)


def _report_comparison(settings: PipelineSettings, compared: list[DayComparison], *, as_json: bool) -> bool:
    """Print the comparisons; return whether there is at least one, and all are equal."""
    if as_json:
        print_json(settings, {"comparisons": [asdict(comparison) for comparison in compared]})
    elif not compared:
        say("Nothing to compare: no listed market of these symbols has stored candles.", "yellow")
    else:
        print_table(("symbol", "exchange", "market", "first difference"), COMPARED, map(_compared_row, compared))
        for comparison in compared:
            if comparison.unanswered:
                say(f"{comparison.currency_pair} @ {comparison.exchange}: {comparison.unanswered}", "red")
    return bool(compared) and all(comparison.is_equal for comparison in compared)


def _compared_row(found: DayComparison) -> tuple[str, ...]:
    counts = (found.equal, found.different, found.only_stored, found.only_fresh)
    difference = moment_in_words(found.first_difference_ms)
    return (found.currency_pair, found.exchange, found.market, difference, *(f"{count:,}" for count in counts))
