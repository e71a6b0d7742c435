"""Trim market lists: no dark pools, and no lists that only margin traders use."""

from typing import Any

# Kraken's market list of 2021 holds its dark pools beside the pairs, with ids such as `XXBTZUSD.d`; ccxt takes them
# for the same symbol.
DARK_POOL = ".d"


def trim_market_lists(api: Any) -> None:
    """Change, in place, how ccxt loads the markets of kraken and gate; other exchanges are unaffected."""
    if api.id == "kraken":
        _leave_out_dark_pools(api)
    elif hasattr(api, "publicMarginGetCurrencyPairs"):
        # Gate's list of margin pairs can fail by itself (ccxt #17464), and is irrelevant to spot markets.
        api.publicMarginGetCurrencyPairs = lambda params=None: []


def _leave_out_dark_pools(api: Any) -> None:
    fetch_all = api.fetch_markets

    def fetch_public(params: Any = None) -> list[Any]:
        return [market for market in fetch_all(params or {}) if not str(market["id"]).endswith(DARK_POOL)]

    api.fetch_markets = fetch_public
