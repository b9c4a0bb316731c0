"""Rights of a role, and the subjects of JetStream's API behind its rights to streams and buckets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from econsim.schemas.subject import Subject
from econsim.streams.benchmarks import STREAM_PREFIX

NAME: Final = "{{name()}}"
"""The server puts the name of the user's credentials here."""


SIM: Final = "SIM"
"""The account of services and operators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Rights of a role beyond the subjects it owns, in the server's own verbs."""

    account: str = SIM
    """Account of the role's users."""
    publish: tuple[Subject, ...] = ()
    """Commands and requests the role sends, and events of others it publishes on their behalf."""
    publish_to: tuple[str, ...] = ()
    """Subjects outside the table the role publishes on: counters, dead letters, the state of JetStream."""
    subscribe: tuple[Subject, ...] = ()
    """Events and deliveries the role subscribes to directly, without a consumer."""
    consume_all: tuple[str, ...] = ()
    """Streams the role reads from end to end, through consumers of its own that acknowledge nothing."""
    consume_kv: tuple[str, ...] = ()
    """Buckets of which the role reads the history, through the client library's unnamed consumers."""
    consume_queue: tuple[str, ...] = ()
    """Work queues the role takes messages off."""
    pull: tuple[str, ...] = ()
    """Work queues the role takes messages off through one consumer, for which its workers compete."""
    get: tuple[str, ...] = ()
    """Streams whose leader the role asks for single messages and for counts."""
    get_last: tuple[str, ...] = ()
    """Streams of which any replica is asked for the newest message of a subject."""
    batch_get: tuple[str, ...] = ()
    """Streams of which any replica is asked for many messages at once, without a consumer."""
    delete: tuple[str, ...] = ()
    """Streams the role deletes single messages from."""
    put: tuple[str, ...] = ()
    """Buckets the role writes."""
    declare: tuple[str, ...] = ()
    """Streams the role creates and changes."""
    benchmark: tuple[str, ...] = ()
    """Calls of JetStream's API about the benchmark stream of the run that the credentials name."""


def stream_subjects(access: Access) -> Iterable[str]:
    """Yield the subjects for streams and buckets: publishing into them, and requests to JetStream's API."""
    yield from access.publish_to
    for bucket in access.put:
        yield f"$KV.{bucket}.>"
    for stream in access.delete:
        yield f"$JS.API.STREAM.MSG.DELETE.{stream}"
    for stream in access.declare:
        yield from (f"$JS.API.STREAM.{verb}.{stream}" for verb in ("INFO", "CREATE", "UPDATE"))
    yield from (f"$JS.API.{call}.{STREAM_PREFIX}{NAME}" for call in access.benchmark)
    for stream in (*access.get, *access.consume_all, *access.consume_kv):
        yield from (f"$JS.API.STREAM.{verb}.{stream}" for verb in ("INFO", "MSG.GET"))
    yield from (f"$JS.API.DIRECT.GET.{stream}.>" for stream in access.get_last)
    yield from (f"$JS.API.DIRECT.GET.{stream}" for stream in access.batch_get)
    yield from _consumer_subjects(access)


def _consumer_subjects(access: Access) -> Iterable[str]:
    """Yield the subjects for consumers of the role's own; their names are random, so nobody finds another's."""
    for stream in access.consume_all:
        yield from (f"$JS.API.CONSUMER.{verb}.{stream}.*" for verb in ("CREATE", "DELETE"))
    for stream in access.consume_kv:
        yield f"$JS.API.CONSUMER.CREATE.{stream}"
        yield f"$JS.API.CONSUMER.INFO.{stream}.*"
    for stream in (*access.consume_all, *access.consume_kv):
        # Flow control, as servers send it today and, with domain and account, in future: a reader that may not
        # answer is sent nothing more.
        yield from (f"$JS.FC.{stream}.>", f"$JS.FC.*.*.{stream}.>")
    for stream in access.consume_queue:
        yield f"$JS.API.CONSUMER.CREATE.{stream}.*.>"
        yield f"$JS.API.CONSUMER.DELETE.{stream}.*"
        yield from (f"$JS.ACK.{stream}.>", f"$JS.ACK.*.*.{stream}.>")
    for stream in access.pull:
        yield from (f"$JS.API.CONSUMER.{verb}.{stream}.*" for verb in ("CREATE", "MSG.NEXT"))
        yield from (f"$JS.ACK.{stream}.>", f"$JS.ACK.*.*.{stream}.>")
