from dataclasses import replace

import numpy as np

from candle_ingest.candles.window import MINUTE_MS
from candle_ingest.ledger.fold import fold
from candle_ingest.ledger.lost_candles import reset_lost
from candle_ingest.ledger.notices import lost_notices
from tests.candle_ingest.day import DAY
from tests.candle_ingest.ledger.looks import BUSY, EMPTY, closing

WHOLE = fold(EMPTY, closing(traded=range(1440)), BUSY)
LOST = reset_lost(WHOLE, np.arange(60, 1440) * MINUTE_MS + DAY, DAY)


def test_a_notice_counts_the_lost_candles_of_a_record():
    [(key, sentence)] = lost_notices([(WHOLE, LOST)]).items()
    assert key == f"lost|{LOST.currency_pair}|{LOST.exchange}|{DAY}"
    assert "exchange_candles has lost 60 candles of [" in sentence


def test_a_record_that_changed_without_losing_candles_needs_no_notice():
    assert lost_notices([(LOST, replace(LOST, answered_version=LOST.answered_version + 1))]) == {}
