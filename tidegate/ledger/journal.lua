-- The journal: every move in the order in which it happened, for the keeper of the audit log (tidegate/audit).
-- The store itself counts the entries, 0-1, 0-2, …, without a gap: what was taken out is seen. It holds so many at
-- most: where no keeper runs for long, the oldest go, and the keeper puts the gap on record.
local function journal(prefix, id, event)
  redis.call('XADD', prefix .. ':journal', 'MAXLEN', '~', 500000, '0-*', 'job', id, 'event', event)
end

