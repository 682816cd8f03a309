"""The lane that an operator asked for when a dead letter was redriven: first among those that the policy allows."""

from tidegate.decision import Decision


def asked_first(decision: Decision, lane: str | None) -> Decision:
    """The decision with the asked lane in front. Never with a lane more, or one more cleared: an order is no rule."""
    if lane is None or lane not in decision.lanes:
        return decision
    others = tuple(name for name in decision.lanes if name != lane)
    said = f"{lane} first: asked for by the redrive"
    cause = f"{decision.cause}; {said}" if decision.cause else said
    return decision.model_copy(update={"lanes": (lane, *others), "cause": cause})
