"""Take requests from several budgets in Redis at once, or from none (GCRA).

throttled-py, the library for this, is not used: it takes from one budget at a time, in whole seconds and over its own
connections. A request that waits for its market's budget would meanwhile use up the address's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from candle_ingest.connections import RedisClient

US_PER_S = 1_000_000
# Each key holds when its budget is full again, in µs since 1970 by the clock of Redis. A time more than a hundred
# bursts ahead means that the clock was set back; obeying it would stop all requests until then.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait, slowest, whole = 0, 0, {}
for i, key in ipairs(KEYS) do
  local cost, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local stored = tonumber(redis.call('GET', key) or '0')
  if stored > now + 100 * burst then
    redis.call('SET', key, string.format('%.0f', now + burst), 'PX', math.ceil(burst / 1000) + 1)
  end
  stored = math.min(stored, now + burst)
  whole[i] = math.max(now, stored) + cost
  if whole[i] - burst - now > wait then
    wait, slowest = whole[i] - burst - now, i
  end
end
if wait > 0 then
  return {math.ceil(wait), slowest}
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', whole[i]), 'PX', math.ceil((whole[i] - now) / 1000) + 1)
end
return {0, 0}
"""


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget under a key: how many seconds one request takes from it, and how many may be taken at once."""

    key: str
    cost_seconds: float
    burst_seconds: float


class RequestBudgets:
    """Budgets that all tasks share."""

    def __init__(self, client: RedisClient) -> None:
        self._take: Any = client.register_script(_TAKE)

    def take(self, budgets: Sequence[Budget]) -> tuple[float, int]:
        """Take from all budgets and return (0, 0), or return the seconds to wait and the index of the slowest.

        A request that costs more than a burst is granted once the budget is full.
        """
        numbers = [
            round(value * US_PER_S) for b in budgets for value in (b.cost_seconds, max(b.cost_seconds, b.burst_seconds))
        ]
        wait_us, place = self._take(keys=[budget.key for budget in budgets], args=numbers)
        return wait_us / US_PER_S, max(0, place - 1)
