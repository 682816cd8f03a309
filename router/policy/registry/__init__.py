"""The registry: the policy that was applied, for all routers, its history, and how each router follows it."""
