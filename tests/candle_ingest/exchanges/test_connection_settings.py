import pytest

from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors import ConfigurationError
from candle_ingest.exchanges.ccxt_api import open_ccxt
from candle_ingest.exchanges.connection_settings import allowed_settings
from candle_ingest.exchanges.profiles import exchange_profile


def settings(**config):
    return allowed_settings(ExchangeConnection("kraken", config=config))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"httpsProxy": "http://user:pass@proxy.example:3128"},
        {"socksProxy": "socks5h://proxy.example:1080"},
        {"rateLimit": 3100, "timeout": 30_000},
        {"headers": {"X-Proxy-Key": "k"}, "apiKey": "k", "secret": "s"},
    ],
)
def test_what_is_needed_may_be_set(config):
    assert settings(**config) == config


@pytest.mark.parametrize(
    "key",
    ["has", "options", "verbose", "enableRateLimit", "urls", "hostname", "verify", "session", "api", "id", "throttle",
     "maxRetriesOnFailure", "aiohttp_trust_env", "proxyUrl", "proxy", "userAgent", "\x1b[31m"],
)  # fmt: skip
def test_anything_else_is_refused_by_name(key):
    with pytest.raises(ConfigurationError, match=r"connection ccxt_kraken: extra has .*may not be set") as error:
        settings(**{key: True, "httpsProxy": "http://proxy.example"})
    assert ascii(key) in str(error.value)
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("key", "value"),
    [("rateLimit", 0), ("rateLimit", -1), ("rateLimit", "3100"), ("rateLimit", True), ("rateLimit", float("nan")),
     ("timeout", 10**9), ("httpsProxy", "file:///etc/passwd"), ("httpsProxy", 5), ("httpProxy", "http://[::1"),
     ("headers", {"X": "a\r\nHost: b"}), ("headers", ["X"]), ("apiKey", {"a": 1})],
)  # fmt: skip
def test_an_invalid_value_is_refused_without_showing_it(key, value):
    with pytest.raises(ConfigurationError, match=f"connection ccxt_kraken: {key} in extra") as error:
        settings(**{key: value})
    assert "passwd" not in str(error.value)


def test_a_connection_cannot_switch_off_safeguards():
    config = {"has": {"fetchCurrencies": True}}
    with pytest.raises(ConfigurationError, match="'has', which may not be set"):
        open_ccxt(ExchangeConnection("lighter", config=config), exchange_profile("lighter"))


def test_ccxt_never_prints(capsys):
    api = open_ccxt(ExchangeConnection("kraken"), exchange_profile("kraken"))
    assert api.verbose is False
    assert capsys.readouterr() == ("", "")
