"""Pack candles as text, which dry runs pass through XCom."""

import base64
import json
import zlib

from candle_ingest.candles.candles import Candles


def pack_candles(candles: Candles) -> str:
    """Return the candles as compressed text."""
    return base64.b64encode(zlib.compress(json.dumps(candles.rows()).encode())).decode()


def unpack_candles(text: str) -> Candles:
    """Return the candles that `pack_candles` packed."""
    return Candles.from_rows(json.loads(zlib.decompress(base64.b64decode(text))))
