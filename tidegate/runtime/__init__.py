"""The embedded default: a store server and the processes of a small installation on one machine."""
