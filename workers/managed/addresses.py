"""Images by their address: whoever serves the model fetches them, and so tells a stranger that it asks."""

from tidegate.errors import BadRequest
from tidegate.lane import Lane, Zone
from workers.backend import Run


def stay_inside(run: Run, lane: Lane) -> None:
    """Raises BadRequest where a server of one's own would fetch an image: the address itself may say too much."""
    elsewhere = any(not image.image_url.embedded for message in run.messages for image in message.images)
    if elsewhere and lane.zone is Zone.INSIDE:
        raise BadRequest(f"lane {lane.name} is inside, and its server would fetch the image from elsewhere: embed it")
