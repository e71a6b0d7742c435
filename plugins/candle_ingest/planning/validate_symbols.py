"""Step 2: check which exchanges list which symbol, and plan what to fetch."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from candle_ingest.candles.rates import lookback, rate_exchanges
from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.connections import RedisClient, connect_influxdb, connect_redis
from candle_ingest.errors import CandleIngestError
from candle_ingest.errors.runs import MarketsUnreachableError, TooFewExchangesError
from candle_ingest.errors.symbols import SymbolKeptError
from candle_ingest.exchanges.answers import Market
from candle_ingest.ledger.notices import Notices, unlisted_key, vanished_key
from candle_ingest.ledger.pinned_markets import PinnedMarkets
from candle_ingest.ledger.work_index import WorkIndex
from candle_ingest.planning.call_plan import log_plans, plan_calls, shortened
from candle_ingest.planning.catch_up_start import CatchUpStart
from candle_ingest.planning.fetch_batch import FetchBatch
from candle_ingest.planning.listings import Listings, find_listings, is_fetched, needed_listings, shortage
from candle_ingest.planning.market_choice import MarketChoice, choose_markets
from candle_ingest.planning.other_pipelines import kept_by_others
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.rate_plan import RatePlan, plan_rates
from candle_ingest.planning.record_keeping import record_keeper
from candle_ingest.planning.relisting import retry_listed
from candle_ingest.planning.repair import Markets, plan_repair
from candle_ingest.planning.run import Run
from candle_ingest.planning.run_kind import REPAIR
from candle_ingest.planning.settling import wait_until_settled
from candle_ingest.planning.unasked import record_failed, record_not_listed
from candle_ingest.plurals import counted
from candle_ingest.servers.redis_errors import translate_redis_errors
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.granularity_guard import check_granularity

logger = logging.getLogger(__name__)
SHOWN_NOTES = 10


def validate_symbols(run: Run, tickers: Sequence[str]) -> Plan:
    """Check the symbols against the exchanges, record what cannot be requested, and plan the fetches.

    Raises ConfigurationError for wrong settings, TooFewExchangesError if no symbol is listed by enough exchanges,
    MarketsUnreachableError if an unreachable exchange may be the reason, and SymbolKeptError if another pipeline keeps
    all symbols.
    """
    _log_mode(run.settings)
    pairs = {symbol.currency_pair: symbol for symbol in map(parse_symbol, tickers)}
    with ExitStack() as stack:
        client = stack.enter_context(connect_redis())
        bucket = stack.enter_context(InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket))
        index = WorkIndex(client, bucket)
        kept = kept_by_others(run.settings, pairs, index, client)
        own = {pair: symbol for pair, symbol in pairs.items() if pair not in kept}
        if not own:
            raise SymbolKeptError("; ".join(list(kept.values())[:SHOWN_NOTES]))
        with translate_redis_errors():
            listings = find_listings(run.settings, list(own.values()), client, read_only=run.dry)
        if not run.dry:
            _make_ready(run.settings, own, bucket, index)
        found = _Validation(wait_until_settled(run), list(tickers), list(own), listings, bucket, client).plan()
        return found.without(kept)


def _make_ready(settings: PipelineSettings, pairs: Iterable[str], bucket: InfluxBucket, index: WorkIndex) -> None:
    """Create the bucket if it is missing, and record whose symbols these are."""
    bucket.create_if_missing()
    check_granularity(bucket, settings.timeframe.minutes)
    index.note_pipeline(settings.name, pairs)
    index.ensure()


def _log_mode(settings: PipelineSettings) -> None:
    """Log which exchanges are merged, and how many a symbol needs."""
    exchanges = settings.exchange_ids
    if len(exchanges) == 1:
        logger.info("Single exchange mode: using %s", exchanges[0])
    else:
        logger.info("Multi-exchange mode: using %d exchanges with %s as primary", len(exchanges), exchanges[0])
    if not settings.min_exchanges_required:
        logger.info(
            "Auto-detected min_exchanges_required: %d, or fewer for a symbol that fewer of them list", len(exchanges)
        )
        logger.info(
            "A minute is merged once every exchange that lists its symbol has answered: %s; "
            "with a smaller min_exchanges_required, merging continues without an exchange that is down",
            ", ".join(exchanges),
        )


@dataclass
class _Validation:
    """Validates the symbols of one run against the exchanges' market lists."""

    run: Run
    tickers: list[str]
    pairs: list[str]
    listings: Listings
    bucket: InfluxBucket
    client: RedisClient

    def plan(self) -> Plan:
        """Return the plan of the run."""
        pins = PinnedMarkets(self.bucket, None if self.run.dry else self.client)
        choices = self._choices(pins)
        valid, left_out = self._valid(choices), self._left_out()
        if self.run.dry:
            valid = valid[: self.run.settings.dry_run_limit]
        markets = _markets_of(choices, valid)
        names = {exchange: {pair: m["symbol"] for pair, m in own.items()} for exchange, own in markets.items()}
        rates = plan_rates(self.run.settings, names, pins, self.client, read_only=self.run.dry)
        _log_notes(rates.choices.values())
        self._note_vanished(choices)
        first_ms = self._first_ms(valid, rates)
        self._record_unasked(choices, self.listings, valid, {})
        self._record_unasked(rates.choices, rates.listings, rates.pairs, first_ms)
        batches = self._batches(choices, markets, rates, first_ms)
        self._log_plan(batches, self.listings.combined_with(rates.listings))
        return Plan(
            batches=batches,
            tickers=self._tickers_of(valid),
            end_ms=self.run.fetch_end_ms,
            left_out=left_out,
            vanished=_vanished_from(choices),
        )

    def _choices(self, pins: PinnedMarkets) -> dict[str, MarketChoice]:
        """Return the market chosen for each pair, by exchange."""
        choices = {
            exchange: choose_markets(exchange, self.pairs, candidates, pins.of(exchange, self.pairs))
            for exchange, candidates in self.listings.candidates.items()
        }
        _log_notes(choices.values())
        return choices

    def _first_ms(self, valid: Sequence[str], rates: RatePlan) -> dict[str, int]:
        """Return where catch-up begins with rate pairs that have no record: where the pairs that they convert begin.

        It does not begin on the day before: once that day had a record, all of it would be requested.
        """
        own = [pair for pair in rates.pairs if pair not in self.pairs]
        if not own or self.run.fixed_window() is not None or self.run.kind is REPAIR:
            return {}
        start = CatchUpStart(self.run, self.bucket)
        first_ms = min(start.of(pair) for pair in valid)
        lookback_ms = lookback(Window(first_ms, first_ms)).start_ms
        return dict.fromkeys(own, self.run.timeframe.floor_ms(max(lookback_ms, floor_ms(first_ms, DAY_MS))))

    def _valid(self, choices: dict[str, MarketChoice]) -> list[str]:
        """Return the pairs that enough exchanges list, counting unreachable exchanges, which may list them."""
        minimum = needed_listings(self.run.settings)
        valid, short = [], {}
        for pair in self.pairs:
            listed = [name for name, choice in choices.items() if pair in choice.markets]
            vanished = [name for name, choice in choices.items() if pair in choice.vanished]
            if is_fetched(listed, len(self.listings.unreachable) + len(vanished), minimum):
                valid.append(pair)
            else:
                short[pair] = f"{pair} is left out: {shortage(listed, minimum)}"
        self._note_short(short, valid)
        logger.info(
            "Symbol validation: %d/%d symbols meet minimum %d exchange requirement",
            len(valid), len(self.pairs), minimum,
        )  # fmt: skip
        if not valid:
            raise self._too_few(minimum)
        return valid

    def _note_short(self, short: Mapping[str, str], valid: Sequence[str]) -> None:
        """Log each pair that is left out; queue a notice of those from Redis, once for as long as that lasts."""
        for sentence in short.values():
            logger.warning(sentence)
        if self.run.dry or self.run.symbols or self.run.has_own_exchanges or self.listings.unreachable:
            return
        place = f"check its spelling in the Redis key {self.run.settings.redis_key_crypto_symbols!r}"
        sentences = {unlisted_key(pair): f"{sentence}; {place}" for pair, sentence in short.items()}
        removed = WorkIndex(self.client, self.bucket).pairs_of(self.run.settings.name).difference(self.pairs)
        Notices(self.client, self.bucket.name).queue_once(sentences, list(map(unlisted_key, {*valid, *removed})))

    def _too_few(self, minimum: int) -> CandleIngestError:
        unreachable = "".join(f"; {name} cannot be reached: {why}" for name, why in self._unreachable())
        kind = MarketsUnreachableError if unreachable else TooFewExchangesError
        place = (
            "the params of this run"
            if self.run.symbols
            else f"Redis key {self.run.settings.redis_key_crypto_symbols!r}"
        )
        return kind(
            f"No symbols meet the minimum exchange requirement of {minimum}: {shortened(self.pairs)} (from {place}) on "
            f"{', '.join(self.run.settings.exchange_ids)}{unreachable}"
        )

    def _unreachable(self) -> list[tuple[str, str]]:
        return list(self.listings.unreachable.items())

    def _left_out(self) -> list[str]:
        """Return a sentence for each exchange of the run that cannot be reached."""
        if self.run.has_own_exchanges or self.run.kind is REPAIR:
            # A user who names the exchanges of a run knows that they may not list every symbol.
            return []
        return [f"the list of markets of {name} could not be fetched: {why}" for name, why in self._unreachable()]

    def _note_vanished(self, choices: Mapping[str, MarketChoice]) -> None:
        """Queue one notice for each market that is no longer listed; the next only after it was listed again."""
        sentences = {
            vanished_key(pair, exchange): f"{pair}: {why}"
            for exchange, choice in choices.items()
            for pair, why in choice.vanished.items()
        }
        there = [vanished_key(pair, exchange) for exchange, choice in choices.items() for pair in choice.markets]
        for sentence in sentences.values():
            logger.error(sentence)
        if not self.run.dry:
            Notices(self.client, self.bucket.name).queue_once(sentences, there)

    def _record_unasked(
        self,
        choices: dict[str, MarketChoice],
        listings: Listings,
        valid: Sequence[str],
        first_ms: Mapping[str, int],
    ) -> None:
        """Record what could not be requested; a dry run and a repair, which only requests what is recorded, do not."""
        if self.run.dry or self.run.kind is REPAIR:
            return
        run, keeper = self.run, record_keeper(self.run.settings, self.bucket, self.client)
        start = CatchUpStart(run, self.bucket, first_ms)
        for exchange, why in listings.unreachable.items():
            reason = f"its list of markets could not be fetched: {why}"
            wanted = [pair for pair in valid if listings is self.listings or exchange in rate_exchanges(pair)]
            record_failed(run, self.bucket, keeper, exchange, dict.fromkeys(wanted, reason), start.on(exchange))
        for exchange, choice in choices.items():
            vanished = {pair: why for pair, why in choice.vanished.items() if pair in valid}
            record_failed(run, self.bucket, keeper, exchange, vanished, start.on(exchange))
            not_listed = {pair: why for pair, why in choice.not_listed.items() if pair in valid}
            if not_listed:
                window = run.fixed_window() or _window_of_catch_up(run, start, not_listed)
                # Written before the records: a superfluous entry does no harm, a missing one does.
                WorkIndex(self.client, self.bucket).note_unlisted(exchange, not_listed)
                record_not_listed(run, self.bucket, keeper, exchange, not_listed, window)

    def _batches(
        self, choices: dict[str, MarketChoice], symbols: Markets, rates: RatePlan, first_ms: Mapping[str, int]
    ) -> list[FetchBatch]:
        rate_markets = _markets_of(rates.choices, rates.pairs)
        markets = {name: {**rate_markets.get(name, {}), **symbols.get(name, {})} for name in {*rate_markets, *symbols}}
        if self.run.kind is REPAIR:
            vanished: dict[str, dict[str, str]] = {}
            for exchange, choice in (*rates.choices.items(), *choices.items()):
                vanished.setdefault(exchange, {}).update(choice.vanished)
            clients = {**rates.listings.clients, **self.listings.clients}
            if not self.run.dry:
                retry_listed(self.run, markets, clients, self.bucket, self.client)
            return plan_repair(self.run, markets, vanished, clients, self.bucket, self.client)
        batches = []
        for exchange in sorted(markets):
            own = markets[exchange]
            if not own:
                continue
            names = {pair: market["symbol"] for pair, market in own.items()}
            own_first_ms = {pair: ms for pair, ms in first_ms.items() if pair in names}
            batch = FetchBatch(exchange=exchange, markets=names, first_ms=own_first_ms)
            batches.append(self._for_dry_run(batch, own) if self.run.dry else batch)
        return batches

    def _for_dry_run(self, batch: FetchBatch, markets: Mapping[str, Market]) -> FetchBatch:
        """Return the batch with everything that a dry run needs, which may not read records or write to the cache."""
        start, fixed = CatchUpStart(self.run, self.bucket, batch.first_ms), self.run.fixed_window()
        end_ms = self.run.fetch_end_ms
        windows = {pair: (fixed or Window(min(start.of(pair), end_ms), end_ms),) for pair in markets}
        return replace(batch, windows=windows, details=dict(markets))

    def _tickers_of(self, valid: Sequence[str]) -> list[str]:
        chosen = set(valid)
        return [ticker for ticker in self.tickers if parse_symbol(ticker).currency_pair in chosen]

    def _log_plan(self, batches: Sequence[FetchBatch], listings: Listings) -> None:
        if not batches:
            logger.info("Nothing to fetch: every symbol is complete up to the end of this run")
            return
        logger.info(
            "Fetches of %s on %s",
            counted(len({pair for batch in batches for pair in batch.markets}), "symbol"),
            counted(len(batches), "exchange"),
        )  # fmt: skip
        fixed = self.run.fixed_window() if self.run.kind.takes_whole_interval else None
        if fixed is None:
            return
        windows = {batch.exchange: {pair: [fixed] for pair in batch.markets} for batch in batches}
        # Only a dry run requests the number of trades: other runs make no call that returns no candles.
        minutes = self.run.settings.timeframe.minutes
        log_plans(plan_calls(listings, windows, minutes, self.run.now_ms, count_trades=self.run.dry))


def _markets_of(choices: Mapping[str, MarketChoice], pairs: Sequence[str]) -> dict[str, dict[str, Market]]:
    return {
        exchange: {pair: choice.markets[pair] for pair in pairs if pair in choice.markets}
        for exchange, choice in choices.items()
    }


def _vanished_from(choices: Mapping[str, MarketChoice]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for exchange, choice in choices.items():
        for pair in choice.vanished:
            found.setdefault(pair, []).append(exchange)
    return found


def _window_of_catch_up(run: Run, start: CatchUpStart, pairs: Sequence[str] | dict[str, str]) -> Window:
    end_ms = run.fetch_end_ms
    return Window(min(end_ms, *(start.of(pair) for pair in pairs)), end_ms)


def _log_notes(choices: Iterable[MarketChoice]) -> None:
    notes = [note for choice in choices for note in choice.notes]
    for note in notes[:SHOWN_NOTES]:
        logger.warning(note)
    if len(notes) > SHOWN_NOTES:
        logger.warning("%s like these", counted(len(notes) - SHOWN_NOTES, "more market"))
