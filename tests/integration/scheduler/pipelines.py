"""The pipelines of this folder's Airflow, and the names that its tests share."""

# Of the pipeline `march`.
EXCHANGES = ("binance", "coinbaseexchange")
PAIRS = {"btcusd": "BTC/USD", "ethusd": "ETH/USD"}
BUCKET = "end_to_end"
# An answer that is not asked for again: after a 500 a fetch of a day goes on for a minute.
REFUSED = 451
# Of the pipeline `hourly`, whose tasks are tried again.
HOURLY_EXCHANGES = ("coinbaseexchange", "kucoin")
HOURLY_BUCKET = "hourly"
# The example DAG of docs/.
CONSUMER = "candles_are_complete"
# History is skipped, so that only what a test asks for runs. `candle` is the pipeline of the example in docs/.
PIPELINES = f"""
pipelines:
  candle:
    exchanges: [binance, coinbaseexchange]
    backfill_start_date: skip
    influxdb_bucket: candles
    redis_key_crypto_symbols: one_symbol
    task_retries: 0
    # A rate market is silent on the days of the tests, which delays when they are final.
    quote_conversion: par
    failure_notifier: tests.integration.servers.recording_notifier.record
  march:
    exchanges: [{", ".join(EXCHANGES)}]
    backfill_start_date: skip
    catch_up_initial_days: 1
    influxdb_bucket: {BUCKET}
    redis_key_crypto_symbols: two_symbols
    task_retries: 0
  hourly:
    exchanges: [{", ".join(HOURLY_EXCHANGES)}]
    backfill_start_date: skip
    backfill_interval: "@hourly"
    influxdb_bucket: {HOURLY_BUCKET}
    redis_key_crypto_symbols: one_symbol
    quote_conversion: par
    task_retries: 3
    retry_delay_seconds: 1
"""
