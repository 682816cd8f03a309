"""Further detectors, for those who have installed a model: spaCy, GLiNER, stanza or transformers.

None is needed. One file here is one family; it is imported only when a setting names it, and none downloads anything.
"""
