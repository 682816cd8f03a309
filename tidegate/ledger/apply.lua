-- Apply one move to one job. After order.lua and transition.lua.
--
-- ARGV     1 prefix  2 job id  3... as transition.lua wants it

return move(ARGV[1], ARGV[2], ARGV, 3)
