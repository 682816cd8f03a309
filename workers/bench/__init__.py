"""`tidegate bench`: what a model does on this machine, and how to set its lane."""
