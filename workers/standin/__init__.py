"""A stand-in for a managed API: a server on loopback that speaks OpenAI's API, answers by rote and fails on demand.

For demonstrations and tests only. Whatever it answers says that it is a stand-in.
"""
