"""The audit log: what was decided and done, in files that only grow, chained and signed. Never text of a job."""
