"""Managed lanes: one adapter file a provider, the translation of vendors' errors, the prices."""
