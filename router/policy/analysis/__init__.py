"""What can be said of a policy without a job: proofs, differences, lint. Pure; every possible job, not samples."""
