"""The command line: one file a group of commands, each with a `mount`; `main` puts them together."""
