"""Cases: what a policy must decide, as its operators wrote it down (model), and whether it does (trial)."""
