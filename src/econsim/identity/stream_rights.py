"""Subjects of JetStream's API behind a role's rights to streams and buckets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from econsim.streams.benchmarks import STREAM_PREFIX

if TYPE_CHECKING:
    from econsim.identity.roles import Access

NAME: Final = "{{name()}}"
"""The server puts the name of the user's credentials here."""


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
