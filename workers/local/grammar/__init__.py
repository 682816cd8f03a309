"""JSON Schema -> GBNF, llama.cpp's grammars. What a grammar cannot express is refused by the keyword's name.

A grammar may be narrower than its schema (it fixes the order of keys, and takes no key that was not named), never wider
but for `oneOf` and keys that come twice: there the check of the finished answer decides.
"""
