"""router: inspects a job, decides by the policy, places it on a lane."""
