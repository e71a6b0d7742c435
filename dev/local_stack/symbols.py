"""Write the symbols to Redis, where the pipeline reads them."""

from __future__ import annotations

import json
from collections.abc import Callable

from candle_ingest.planning.symbol_list import read_symbols
from candle_ingest.plurals import counted
from dev.local_stack.options import StackOptions
from dev.local_stack.redis_server import RedisServer


def write_symbols(server: RedisServer, key: str, options: StackOptions, say: Callable[[str], None]) -> None:
    """Write the symbols as a JSON list.

    A Redis that the user provides keeps its own list, unless SYMBOLS is given. Raises SymbolListError if that list has
    no symbol, before Airflow has started.
    """
    with server.client(decodes=False) as client:
        if options.redis is not None and not options.symbols_given and client.exists(key):
            found = counted(len(read_symbols(client, key)), "symbol")
            say(f"Symbols: {found} in {key} of the Redis at {server.host}:{server.port}")
            return
        client.delete(key)
        client.set(key, json.dumps(options.symbols))
    say(f"Symbols: {', '.join(options.symbols)}")
