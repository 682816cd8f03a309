"""The canonical form of policy files: read with comments (source), ordered (order), written again (layout)."""
