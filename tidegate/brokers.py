"""What differs from broker to broker (Redis, Redis behind Sentinel, RabbitMQ): Celery's settings, and the queues.

A message is a wake-up and the ledger is the truth, so each knob below is set such that it cannot hurt:

- Acknowledged on receipt, not after the work. A wake-up that is lost with its worker is sent again by the janitor, and
  one that comes twice is refused by the ledger. Only `tidegate.submit`, whose text is nowhere else yet, is
  acknowledged late; it takes milliseconds, and a store that is away keeps it waiting (see messages.OpaqueRequest).
- Redis' visibility timeout: an hour is far more than any message stays unacknowledged, so none is delivered twice by
  it while its worker lives; what a dead worker held comes back by the ledger long before.
- Prefetch: one message a slot and queue at most (RabbitMQ's quorum queues have no limit over all consumers of a
  channel), and a lane's queue is read only while the lane has a free slot (see service.py). What a worker reserved and
  cannot start is only a wake-up, and any other wake-up of its lane does as well.
- RabbitMQ's consumer timeout (30 minutes) closes the channel of who holds a message longer. Nobody here does; who did
  would reconnect, and get the same wake-up again.
- RabbitMQ's delivery limit (20 by default from release 4 on) drops a message that was returned too often. For a
  wake-up the ledger rings again. A submit's text is never returned: it is sent anew, which starts the count anew.
- Quorum queues and confirms: a message that the broker took survives its leader. Without them the ledger would still
  ring again, only later; a submit's text would be lost.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from celery.app.amqp import AMQP, Queues
from kombu.entity import Exchange, Queue

from tidegate import sentinel
from tidegate.connections import Addresses
from tidegate.errors import InvalidSettings

Kind = Literal["redis", "sentinel", "amqp"]
Role = Literal["producer", "router", "inside", "outside", "janitor", "flower"]

_KINDS: Mapping[str, Kind] = {
    "redis": "redis",
    "rediss": "redis",
    "sentinel": "sentinel",
    "amqp": "amqp",
    "amqps": "amqp",
    "pyamqp": "amqp",
}
_PRIORITY_STEPS = (0, 3, 6, 9)
"""kombu splits a Redis queue into one list for each step; 0 is read first. RabbitMQ's quorum queues have none: there
the ledger's order is the only one."""

_CONFIRM_S = 2.0
"""A broker that has not confirmed by then is stuck or gone: sent again, and three times at most."""

_HEARTBEAT_S = 20

_ANSWER_S = 2.0
"""Senders wait for no frame longer. A RabbitMQ that is short of memory or disk reads nothing, not even a good-bye."""


@dataclass(frozen=True)
class Broker:
    """One broker, as its URL names it."""

    where: Addresses
    role: Role
    kind: Kind

    @classmethod
    def of(cls, where: Addresses, *, role: Role) -> "Broker":
        """Raises InvalidSettings for a scheme that is none of ours."""
        scheme = where.broker.partition("://")[0]
        if scheme not in _KINDS:
            known = ", ".join(f"{name}://" for name in _KINDS)
            raise InvalidSettings(f"TIDEGATE_BROKER_URL: {scheme}:// is no broker that tidegate knows; use {known}")
        return cls(where, role, _KINDS[scheme])

    def settings(self) -> dict[str, Any]:
        """Celery's settings that depend on the broker."""
        return self._for_rabbitmq() if self.kind == "amqp" else self._for_redis()

    def results(self) -> dict[str, Any]:
        """Celery's settings for what `tidegate.submit` answers. It lies in the store, whatever the broker."""
        options: dict[str, Any] = {"global_keyprefix": "tg:celery:"}
        url = self.where.store
        if sentinel.is_sentinel(url):
            given = sentinel.parse(url)
            url, options = given.for_kombu(), {**options, **given.options()}
        return {"result_backend": url, "result_backend_transport_options": options}

    def patience(self) -> dict[str, Any]:
        """Transport options of connections that send."""
        return {"read_timeout": _ANSWER_S, "write_timeout": _ANSWER_S} if self.kind == "amqp" else {}

    def sending(self, queue: str | None) -> dict[str, Any]:
        """How a message is sent: for how long at most, and where.

        Celery would send to RabbitMQ's default exchange. Who may use that may send to every queue there is.
        """
        if self.kind != "amqp":
            return {}
        named = {"exchange": queue, "routing_key": queue} if queue else {}
        return {"timeout": _CONFIRM_S, "confirm_timeout": _CONFIRM_S, **named}

    def queue(self, name: str, *, declared: bool = True) -> Queue:
        """A queue, with an exchange of its own: so a user can be allowed to send to one queue and to no other."""
        arguments = {"x-queue-type": "quorum"} if self.kind == "amqp" else None
        return Queue(  # type: ignore[no-untyped-call]
            name,
            Exchange(name, type="direct", no_declare=not declared),  # type: ignore[no-untyped-call]
            routing_key=name,
            queue_arguments=arguments,
            no_declare=not declared,
        )

    def _for_rabbitmq(self) -> dict[str, Any]:
        return {
            "broker_url": self.where.broker,
            "broker_transport_options": {
                "confirm_publish": True,
                "client_properties": {"connection_name": f"tidegate {self.role}"},
            },
            "broker_use_ssl": _ssl(self.where) if self.where.broker.startswith("amqps:") else None,
            "broker_heartbeat": _HEARTBEAT_S,
            "broker_channel_error_retry": True,  # a consumer that RabbitMQ gave up starts anew, and not the process
            "worker_detect_quorum_queues": True,
        }

    def _for_redis(self) -> dict[str, Any]:
        url, options = self.where.broker, {**_REDIS_OPTIONS, **_unacked(self.role)}
        if self.kind == "sentinel":
            given = sentinel.parse(url)
            url, options = given.for_kombu(), {**options, **given.options()}
        return {
            "broker_url": url,
            "broker_transport_options": options,
            "worker_disable_prefetch": True,
            "task_queue_max_priority": 9,
        }


_REDIS_OPTIONS: Mapping[str, Any] = {
    "visibility_timeout": 3600,
    "priority_steps": list(_PRIORITY_STEPS),
    "queue_order_strategy": "priority",
    "unacked_restore_limit": 1000,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 15,
}


def _unacked(role: Role) -> dict[str, str]:
    """Where kombu keeps what was delivered and is not acknowledged: the text of a submit, for a moment.

    One place for each role, so that a worker outside needs no right to read the router's. The router's has kombu's own
    name, so that what an older release left there is still restored.
    """
    if role == "router":
        return {}
    return {
        "unacked_key": f"tidegate.unacked.{role}",
        "unacked_index_key": f"tidegate.unacked.{role}.index",
        "unacked_mutex_key": f"tidegate.unacked.{role}.mutex",
    }


def _ssl(where: Addresses) -> dict[str, Any]:
    """The server's certificate and name are always checked."""
    files = {"ca_certs": where.tls.ca, "certfile": where.tls.cert, "keyfile": where.tls.key}
    return {
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": None,  # kombu puts the URL's host here, and only where the key exists
        **{name: str(path) for name, path in files.items() if path is not None},
    }


class NamedQueues(Queues):  # type: ignore[misc]
    """Celery's table of queues: a name that it does not know yet is one of ours."""

    broker: Broker
    declare = True

    def new_missing(self, name: str) -> Queue:
        """A queue to send to."""
        return self.broker.queue(name, declared=self.declare)


class BrokerAMQP(AMQP):  # type: ignore[misc]
    """Celery's side of messaging, with the application's broker in its table of queues."""

    queues_cls = NamedQueues

    def Queues(self, queues: Any, **options: Any) -> NamedQueues:  # noqa: N802 - Celery's name
        """The table, made when it is first used."""
        default = self.app.broker.queue(self.app.conf.task_default_queue, declared=self.app.declares)
        made: NamedQueues = super().Queues(queues or [default], **options)
        made.broker, made.declare = self.app.broker, self.app.declares
        return made
