"""What operators list themselves: words and patterns to deny, values to allow, types of their own.

`Rules` is all of it with the table of levels, as an inspection uses it; a policy's `sensitivity:` section becomes one.
"""

from router.signals.sensitivity.lists.rules import AS_SHIPPED, Rules

__all__ = ["AS_SHIPPED", "Rules"]
