"""A policy over traffic, through a queueing model: arrivals (traffic), lanes (fleet), clock (run), sums (tally).

A model, not a promise: lanes serve in the order of arrival, and service times are drawn around a mean.
"""
