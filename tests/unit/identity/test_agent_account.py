"""An agent's account holds its own subjects and nothing else, whatever the agent and its run are called."""

import pytest
from requirements import requirement

from econsim.errors import InvalidSubject
from econsim.identity import agent_account
from econsim.identity.agent_account import (
    GRANTS,
    IMPORTS_MAX,
    OWN_RECEIVED,
    OWN_SENT,
    exports,
    imports,
    short_name,
    short_pattern,
)
from econsim.schemas.subject import PLACE, SubjectKind, matches
from econsim.subjects import ENTER_ORDER, ORDER_OUTCOME, PLACE_BID, REPORT, TABLE, TRADE_EXECUTED

HOSTILE = ["*", ">", "a.b", "", "A", "anna ", "anna\n", "{run}", "$1", "{{name()}}", "../anna", "a" * 65]
SIM = "ACCOUNT"


def within(pattern, wider):
    return matches(wider.split("."), pattern.split("."))


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "make", [lambda name: imports(name, "anna", SIM), lambda name: imports("run_1", name, SIM)]
)
def test_a_hostile_name_is_refused_before_it_becomes_an_import(make, name):
    with pytest.raises(InvalidSubject, match="is not a subject token"):
        make(name)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_before_it_becomes_a_permission(name):
    with pytest.raises(InvalidSubject, match="is not a subject token"):
        agent_account.permissions(name)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_before_it_becomes_a_subject(name):
    with pytest.raises(InvalidSubject, match="is not a subject token"):
        short_name(ENTER_ORDER[PLACE_BID], "anna", resource=name)


@requirement("isolation.no_foreign_subjects")
def test_every_import_names_the_run_and_what_is_an_agents_the_agent():
    for found in imports("run_1", "anna", SIM):
        tokens = found["subject"].split(".")
        assert "run_1" in tokens
        assert ">" not in tokens
        assert found["account"] == SIM
        # What is not the agent's own is public: events of the run, prices, broadcasts.
        public = found["type"] == "stream" or found["name"] in (
            "state.tick",
            "state.closed",
            "state.price.{resource}",
        )
        assert "anna" in tokens or public


def test_a_delivery_to_one_agent_names_it():
    received = [
        each
        for each in imports("run_1", "anna", SIM)
        if each["name"].startswith("market.") and each["type"] == "stream"
    ]
    private = [
        each for each in received if each["subject"].count(".") == 4 and not each["subject"].endswith(".all")
    ]

    assert len(private) == len(ORDER_OUTCOME)
    assert all(each["subject"].endswith(".run_1.anna") for each in private)


def test_free_places_keep_their_order_under_the_short_name():
    found = {each["name"]: each for each in imports("run_1", "anna", SIM)}

    order = found["market.{resource}.place_bid"]
    report = found["agent.{agent}.{event}"]
    assert (order["subject"], order["local_subject"]) == (
        "agent.*.place_bid.run_1.anna",
        "market.$1.place_bid",
    )
    assert (report["subject"], report["local_subject"]) == ("agent.anna.*.run_1.anna", "agent.anna.$1")


def test_every_import_is_within_an_export_of_its_kind():
    offered = exports()

    for found in imports("run_1", "anna", SIM):
        assert any(within(found["subject"], e["subject"]) and e["type"] == found["type"] for e in offered), (
            found
        )


def test_no_export_lies_within_another():
    patterns = [export["subject"] for export in exports()]

    assert not [(a, b) for a in patterns for b in patterns if a != b and within(a, b)]


def test_nothing_is_offered_but_what_is_granted():
    assert {export["subject"] for export in exports()} <= {grant.export_pattern() for grant in GRANTS}


@requirement("isolation.no_jetstream")
def test_of_jetstream_only_single_keys_are_offered():
    stored = [export["subject"] for export in exports() if export["subject"].startswith("$")]

    assert stored
    assert all(subject.startswith("$JS.API.DIRECT.GET.") and not subject.endswith(".>") for subject in stored)


def test_imports_fit_into_the_account():
    assert len(imports("run_1", "anna", SIM)) <= IMPORTS_MAX


def test_its_users_lists_hold_the_short_names_and_the_inbox():
    lists = agent_account.permissions("anna")

    published, subscribed = lists["pub"]["allow"], lists["sub"]["allow"]
    own = {*OWN_SENT, *OWN_RECEIVED}
    assert len({*published} - own) + len({*subscribed} - own) == len(GRANTS) + 1
    assert "_INBOX.>" in subscribed
    assert all(
        any(within(short_pattern(row, "anna"), each) for each in (*published, *subscribed))
        for row in TABLE
        if row.short
    )
    assert not [each for each in {*published} - own if each.startswith(("$", "_", "*", ">"))]


def test_subjects_of_its_own_programs_lead_to_nobody_else():
    crossing = {*(grant.short for grant in GRANTS), *(each["subject"] for each in exports())}

    assert not [
        (own, each)
        for own in (*OWN_SENT, *OWN_RECEIVED)
        for each in crossing
        if within(PLACE.sub("x", each), own) or within(own, PLACE.sub("*", each))
    ]


def test_its_programs_find_hosts_of_the_protocol_and_no_other_micro_service():
    lists = agent_account.permissions("anna")

    for permitted in (lists["pub"]["allow"], lists["sub"]["allow"]):
        assert any(within("$SRV.INFO.agents.7", each) for each in permitted)
        assert not any(within("$SRV.INFO.other", each) for each in permitted)


def test_it_may_join_a_queue_group_on_nothing_that_it_is_sent():
    lists = agent_account.permissions("anna")["sub"]

    denied = {each.removesuffix(" >") for each in lists["deny"]}
    assert denied == {*lists["allow"]} - {*OWN_RECEIVED}
    assert agent_account.DEFAULT_PERMISSIONS["sub"]["deny"] == ["> >"]


def test_its_lists_name_no_other_agent():
    anna = agent_account.permissions("anna")

    assert "agent.anna.*" in anna["pub"]["allow"]
    assert "agent.bert.*" not in anna["pub"]["allow"]
    assert not any(within("agent.bert.arrived", pattern) for pattern in anna["pub"]["allow"])


def test_short_names_leave_run_and_identity_out():
    delivery = next(row for row in ORDER_OUTCOME if ".trade_executed." in row.template)

    assert short_name(REPORT, "anna", event="arrived") == "agent.anna.arrived"
    assert short_name(delivery, "anna", resource="cpu") == "market.trade_executed.cpu"
    assert short_pattern(delivery, "anna") == "market.trade_executed.*"


def test_what_has_no_short_name_is_not_granted():
    granted = {grant.pattern for grant in GRANTS}

    assert TRADE_EXECUTED.template not in granted
    assert not [row.template for row in TABLE if not row.short and row.template in granted]
    assert not [
        row.template for row in TABLE if row.kind in (SubjectKind.COMMAND, SubjectKind.OPERATOR) and row.short
    ]
