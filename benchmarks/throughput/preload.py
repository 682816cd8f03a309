"""A ledger that has seen many jobs: ended ones, and a tenth that wait in line for a lane that nobody serves.

Written by a script inside the store, with the ledger's own keys, because a million submits would take an hour.
"""

from importlib import resources

from tidegate.connections import StoreClient
from tidegate.names import STORE_PREFIX

_PART = 5_000
_FILL = """
local prefix, first, count, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), store_time()
for number = first, first + count - 1 do
  local id, at = string.format('%032x', number), stamp(now + number / 1000000)
  local job = prefix .. ':job:' .. id
  local waits = number % 10 == 0
  redis.call('HSET', job, 'id', id, 'state', waits and 'placed' or 'succeeded', 'rev', 4, 'fence', 1, 'tenant',
    't' .. number % 1000, 'latency', 'interactive', 'priority', 2, 'accepted_at', at, 'queued_at', at, 'updated_at', at,
    'deadline_at', stamp(now + 86400), 'deadline_s', '86400', 'lane', 'unserved', 'zone', 'inside')
  redis.call('RPUSH', job .. ':history', string.format('{"at":%s,"move":"accepted","state":"accepted","rev":1}', at))
  if waits then
    redis.call('ZADD', prefix .. ':agenda', stamp(now + 86400), id)
    redis.call('ZADD', prefix .. ':in:placed:unserved', at, id)
    enqueue(prefix, 'placed:unserved', id, 't' .. number % 1000, 2, now)
  else
    redis.call('HINCRBY', prefix .. ':ended', 'succeeded', 1)
    redis.call('EXPIRE', job, 86400)
    redis.call('EXPIRE', job .. ':history', 86400)
  end
end
"""


def preload(redis: StoreClient, jobs: int) -> None:
    """Put as many jobs on record."""
    order = resources.files("tidegate.ledger").joinpath("order.lua").read_text(encoding="utf-8")
    fill = redis.register_script(order + _FILL)
    for first in range(0, jobs, _PART):
        fill(args=[STORE_PREFIX, first, min(_PART, jobs - first)])
