"""The keys with which providers are called: where each lies, how it is read, and to which environment it belongs."""
