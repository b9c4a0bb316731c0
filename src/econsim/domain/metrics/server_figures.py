"""Metrics of servers, streams and consumers, made of the servers' own answers. Pure.

Names, labels and values are those of prometheus-nats-exporter 0.20 (`jetstream_…`, `gnatsd_varz_…`), so that public dashboards and
rules fit. Consumers that a reader made for itself are left out: there is one for each reader, gone in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from econsim.domain.metrics.family import GAUGE, Families, Family

Json = Mapping[str, Any]
"""A JSON object."""

_SERVER: Final = {
    "jetstream_server_total_streams": ("streams", "Streams of the server."),
    "jetstream_server_total_consumers": ("consumers", "Consumers of the server."),
    "jetstream_server_total_messages": ("messages", "Messages that the server stores."),
    "jetstream_server_total_message_bytes": ("bytes", "Bytes of the messages that the server stores."),
}
_LIMITS: Final = {
    "jetstream_server_max_memory": ("max_memory", "Memory that streams may use, bytes."),
    "jetstream_server_max_storage": ("max_storage", "Storage that streams may use, bytes."),
}
_STREAM: Final = {
    "jetstream_stream_total_messages": ("messages", "Messages in the stream."),
    "jetstream_stream_total_bytes": ("bytes", "Bytes in the stream."),
    "jetstream_stream_first_seq": ("first_seq", "Place of the oldest message."),
    "jetstream_stream_last_seq": ("last_seq", "Place of the newest message."),
    "jetstream_stream_consumer_count": ("consumer_count", "Consumers of the stream."),
}
_CONSUMER: Final = {
    "jetstream_consumer_delivered_consumer_seq": ("delivered.consumer_seq", "Deliveries so far."),
    "jetstream_consumer_delivered_stream_seq": ("delivered.stream_seq", "Place of the newest delivery."),
    "jetstream_consumer_num_ack_pending": ("num_ack_pending", "Deliveries without acknowledgement."),
    "jetstream_consumer_num_redelivered": ("num_redelivered", "Messages that were delivered again."),
    "jetstream_consumer_num_waiting": ("num_waiting", "Fetches that wait."),
    "jetstream_consumer_num_pending": ("num_pending", "Messages not delivered yet."),
    "jetstream_consumer_ack_floor_stream_seq": (
        "ack_floor.stream_seq",
        "Place up to which all is acknowledged.",
    ),
    "jetstream_consumer_ack_floor_consumer_seq": (
        "ack_floor.consumer_seq",
        "The same, counted in deliveries.",
    ),
}
_SOURCE: Final = {"jetstream_stream_source_lag": ("lag", "Messages that are not copied yet.")}
_VARZ: Final = {
    f"gnatsd_varz_{name}": (name, meaning)
    for name, meaning in {
        "in_msgs": "Messages that clients sent.",
        "out_msgs": "Messages that clients were sent.",
        "in_bytes": "Bytes that clients sent.",
        "out_bytes": "Bytes that clients were sent.",
        "connections": "Connections now.",
        "total_connections": "Connections since the start.",
        "subscriptions": "Subscriptions now.",
        "slow_consumers": "Clients that were cut off because they did not keep up, since the start.",
        "mem": "Memory of the server, bytes.",
        "cpu": "Load of the server, percent of a core.",
    }.items()
}
_Fields = Mapping[str, tuple[str, str]]


def server_families(varz: Iterable[Json], jsz: Iterable[Json]) -> Iterable[Family]:
    """Return the metrics of answers to `VARZ` and `JSZ`, one of each server."""
    found = Families()
    for fields in (_VARZ, _SERVER, _LIMITS, _STREAM, _SOURCE, _CONSUMER):
        found.declare(GAUGE, {name: meaning for name, (_, meaning) in fields.items()})
    for answer in varz:
        server = answer["server"]
        _add(found, _VARZ, answer["data"], {"server_id": server["id"], "server_name": server["name"]})
    for answer in jsz:
        _add_jetstream(found, answer["server"], answer["data"])
    return found.with_samples()


def _add_jetstream(found: Families, server: Json, data: Json) -> None:
    meta = data.get("meta_cluster", {})
    labels = {
        "server_id": server["id"],
        "server_name": server["name"],
        "cluster": meta.get("name", ""),
        "domain": data.get("config", {}).get("domain", ""),
        "meta_leader": meta.get("leader", ""),
        "is_meta_leader": _leads(meta, server),
    }
    _add(found, _SERVER, data, labels)
    _add(found, _LIMITS, data.get("config", {}), labels)
    for account in data.get("account_details", ()):
        for stream in account.get("stream_detail", ()):
            of_stream = labels | {
                "account": account["name"],
                "account_id": account["id"],
                "stream_name": stream["name"],
                "stream_leader": stream.get("cluster", {}).get("leader", ""),
                "is_stream_leader": _leads(stream.get("cluster"), server),
            }
            _add(found, _STREAM, stream["state"], of_stream)
            for source in stream.get("sources", ()):
                _add(found, _SOURCE, source, of_stream | {"source_name": source["name"]})
            _add_consumers(found, server, stream, of_stream)


def _add_consumers(found: Families, server: Json, stream: Json, labels: dict[str, str]) -> None:
    for consumer in _lasting(stream):
        cluster = consumer.get("cluster")
        of_consumer = labels | {
            "consumer_name": consumer["name"],
            "consumer_leader": (cluster or {}).get("leader", ""),
            "is_consumer_leader": _leads(cluster, server),
            "consumer_desc": consumer.get("config", {}).get("description", ""),
        }
        _add(found, _CONSUMER, consumer, of_consumer)


def _lasting(stream: Json) -> Iterator[Json]:
    """Yield the consumers that acknowledge: those of queues; readers of a log acknowledge nothing."""
    for consumer in stream.get("consumer_detail", ()):
        if consumer.get("config", {}).get("ack_policy") != "none":
            yield consumer


def _add(found: Families, fields: _Fields, data: Json, labels: Mapping[str, str]) -> None:
    for name, (path, _) in fields.items():
        value: Any = data
        for part in path.split("."):
            value = value.get(part) if value else None
        found[name].add(value or 0, **labels)


def _leads(cluster: Json | None, server: Json) -> str:
    """Tell whether a server leads, as a label; a server alone leads everything."""
    return str(not cluster or cluster.get("leader") in ("", server["name"])).lower()
