"""Figures of servers: names and labels of prometheus-nats-exporter, for one server and for the nodes of a cluster."""

import pytest

from econsim.domain.metrics.server_figures import server_families

SERVER = {"id": "NA", "name": "n1"}


def consumer(name, policy="explicit", **given):
    return {"name": name, "config": {"ack_policy": policy}, "num_pending": 7, **given}


def jsz(*consumers, cluster=None, server=SERVER):
    stream = {"name": "audit_log", "state": {"messages": 9, "last_seq": 12}, "consumer_detail": [*consumers]}
    if cluster:
        stream["cluster"] = cluster
    account = {"name": "SIM", "id": "AA", "stream_detail": [stream]}
    return {"server": server, "data": {"streams": 1, "account_details": [account]}}


def samples(name, varz=(), found=()):
    families = {family.name: family for family in server_families(varz, found)}
    return families[name].samples if name in families else []


def test_a_stream_has_the_labels_of_the_exporter() -> None:
    ((_, labels, value),) = samples("jetstream_stream_total_messages", found=[jsz()])

    assert value == 9
    assert labels == {
        "server_id": "NA",
        "server_name": "n1",
        "cluster": "",
        "domain": "",
        "meta_leader": "",
        "is_meta_leader": "true",
        "account": "SIM",
        "account_id": "AA",
        "stream_name": "audit_log",
        "stream_leader": "",
        "is_stream_leader": "true",
    }


def test_readers_of_a_log_are_no_consumers_of_their_own() -> None:
    found = [jsz(consumer("book"), consumer("reader-1", "none"))]

    assert [
        (labels["consumer_name"], value)
        for _, labels, value in samples("jetstream_consumer_num_pending", found=found)
    ] == [("book", 7)]


@pytest.mark.parametrize(("leader", "leads"), [("n1", "true"), ("n2", "false")])
def test_each_node_of_a_cluster_says_whether_it_leads(leader, leads) -> None:
    ((_, labels, _),) = samples("jetstream_stream_last_seq", found=[jsz(cluster={"leader": leader})])

    assert (labels["stream_leader"], labels["is_stream_leader"]) == (leader, leads)


def test_a_number_that_a_server_leaves_out_is_zero() -> None:
    ((_, _, value),) = samples("gnatsd_varz_slow_consumers", varz=[{"server": SERVER, "data": {}}])

    assert value == 0
