"""Every damage of a run's log and bucket is found, and the record it happened to is named."""

import json
from dataclasses import replace
from random import Random

import pytest
from factories import group, role, scenario
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_runs import altered, bits, data_of, flipped, instead, kept, kept_run, places, run_report, without
from run_builders import replacing_scenario

from econsim.domain.audit.envelope import digest

MECHANISMS = ("continuous_double_auction", "zi_double_auction", "call_auction")
DAMAGES = 100


def whats(log, bucket, **kept):
    """Return what verification finds wrong, each once."""
    return {finding.what for finding in run_report(log, bucket, **kept).findings}


def named(log, bucket):
    """Return the places that verification names."""
    return {finding.place for finding in run_report(log, bucket).findings}


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("policy", ["zip", "zi_c", "truthful"])
def test_a_whole_run_has_no_findings(policy, mechanism):
    log, bucket = kept_run(policy, mechanism)

    found = run_report(log, bucket)

    assert found.findings == ()
    assert (found.log.records, found.log.ticks, found.log.repeats) == (len(log), 12, 0)
    assert whats(log, bucket, kept_hash=found.canonical_hash) == set()


def test_a_market_on_which_nobody_traded_has_no_findings():
    buyers = group("b", policy="truthful", roles=[role("bid", first=1, last=1)])
    sellers = group("s", policy="truthful", roles=[role("ask", first=2, last=2)])

    log, bucket = kept(scenario(buyers, sellers))

    assert places(log, "bid_accepted")
    assert run_report(log, bucket).findings == ()


def test_a_run_of_replaced_and_refused_orders_has_no_findings():
    log, bucket = kept(replacing_scenario())

    codes = [item["code"] for place in places(log, "order_rejected") for item in data_of(log[place])["items"]]
    assert run_report(log, bucket).findings == ()
    assert sorted(codes) == [
        "debit_account_would_go_negative",
        "order_id_exists_with_different_fields",
        "order_id_exists_with_different_fields",
        "order_not_found",
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.slow
def test_each_of_a_hundred_flipped_bits_is_found_and_its_record_named(seed):
    streams, draw = kept_run(mechanism=MECHANISMS[seed % 3]), Random(seed)
    silent = []
    for number in range(DAMAGES // 4):
        which = number % 2
        damaged = list(streams)
        index = draw.randrange(len(streams[which]))
        record = streams[which][index]
        damaged[which] = instead(streams[which], index, flipped(record, bit := draw.randrange(bits(record))))
        if record.sequence not in named(*damaged):
            silent.append((record.subject, bit))

    assert silent == []


@settings(max_examples=50)
@given(st.data())
@pytest.mark.slow
def test_whatever_bit_flips_is_found(data):
    log, bucket = kept_run()
    index = data.draw(st.integers(0, len(log) - 1))
    bit = data.draw(st.integers(0, bits(log[index]) - 1))

    assert log[index].sequence in named(instead(log, index, flipped(log[index], bit)), bucket)


@pytest.mark.slow
def test_no_record_of_the_log_can_be_missing():
    log, bucket = kept_run()

    silent = [each.subject for index, each in enumerate(log) if not whats(without(log, index), bucket)]

    assert silent == []


@pytest.mark.slow
def test_no_record_of_the_bucket_can_be_missing():
    log, bucket = kept_run()

    silent = [each.subject for index, each in enumerate(bucket) if not whats(log, without(bucket, index))]

    assert silent == []


@pytest.mark.slow
def test_records_that_changed_places_are_found():
    log, bucket = kept_run()

    for index in range(len(log) - 1):
        swapped = [*log[:index], log[index + 1], log[index], *log[index + 2 :]]
        assert "place_is_out_of_order" in whats(swapped, bucket)


def test_a_record_that_is_stored_again_is_counted_once_and_reported():
    log, bucket = kept_run()
    again = [*log, *(replace(each, sequence=len(log) + n) for n, each in enumerate(log, 1))]

    found = run_report(again, bucket)

    assert (found.findings, found.log.repeats) == ((), len(log))


def test_the_same_id_with_other_content_is_no_repeat():
    log, bucket = kept_run()
    trade = log[places(log, "trade_executed")[0]]
    other = replace(altered(trade, items=data_of(trade)["items"][:0]), sequence=len(log) + 1)

    assert whats([*log, other], bucket) == {"event_id_stands_for_two_records"}


def trade_with(log, **fields):
    """Return a log whose first trade is another, as a wrong market would publish it."""
    index = places(log, "trade_executed")[0]
    first, *rest = data_of(log[index])["items"]
    return instead(log, index, altered(log[index], items=[first | fields, *rest]))


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"price": 1}, "posting_differs_from_its_trade"),
        ({"trade_id": "made-up"}, "trade_has_no_posting"),
        ({"trade_id": "made-up"}, "posting_has_no_trade"),
        ({"buyer": "buyer_011"}, "trade_has_no_open_order"),
        ({"seller": "buyer_001"}, "posting_differs_from_its_trade"),
    ],
)
def test_a_trade_is_what_the_ledger_posted(fields, what):
    log, bucket = kept_run()

    assert what in whats(trade_with(log, **fields), bucket)


def test_an_accepted_order_has_its_reservation():
    log, bucket = kept_run()
    index = places(log, "bid_accepted")[0]
    first, *rest = data_of(log[index])["items"]
    dearer = altered(log[index], items=[first | {"price": first["price"] + 1}, *rest])
    unknown = altered(log[index], items=[first | {"order_id": "unreserved"}, *rest])

    assert "reservation_differs_from_its_order" in whats(instead(log, index, dearer), bucket)
    assert "order_has_no_reservation" in whats(instead(log, index, unknown), bucket)


def test_a_reservation_has_its_order():
    log, bucket = kept_run()
    log = log[: places(log, "tick_cleared")[0] + 1]
    journal = [each for each in bucket if ".transfer." in each.subject][: len(places(log, "transfer_posted"))]

    found = whats(without(log, places(log, "bid_accepted")[0]), journal)

    assert {"batch_lacks_items", "reservation_has_no_order"} <= found


@pytest.mark.parametrize(
    ("action", "fields", "what"),
    [
        ("tick_cleared", {"items": 0}, "batch_has_other_items"),
        ("tick_cleared", {"trades": 99}, "batch_counts_other_trades"),
        ("tick_cleared", {"volume": 99}, "batch_counts_other_trades"),
        ("tick_cleared", {"batch": 99}, "batch_is_out_of_order"),
        ("ticked", {"tick_of_period": 5}, "tick_is_out_of_order"),
        ("period_opened", {"period": 2}, "period_is_out_of_order"),
        ("period_closed", {"period": 2}, "period_is_out_of_order"),
        ("closed", {"ticks": 11}, "closing_counts_other_ticks"),
        ("closed", {"periods": 1}, "closing_counts_other_periods"),
        ("closed", {"journal_sequence": 1}, "closing_names_another_last_entry"),
        ("price_updated", {"volume": 99}, "price_differs_from_the_quote"),
        ("transfer_posted", {"hash": "0" * 64}, "copy_differs_from_the_journal"),
    ],
)
def test_a_wrong_count_or_order_is_found(action, fields, what):
    log, bucket = kept_run()
    index = places(log, action)[0]

    assert what in whats(instead(log, index, altered(log[index], **fields)), bucket)


def test_a_run_under_way_has_no_findings_at_the_end_of_any_batch():
    log, bucket = kept_run()

    for index in places(log, "tick_cleared"):
        entries = places(log[: index + 1], "transfer_posted")
        journal = [each for each in bucket if ".transfer." in each.subject][: len(entries)]
        found = run_report(log[: index + 1], journal).log
        assert found.findings == ()


def off_by(bucket, holder, amount):
    """Return a bucket whose stored balance of a holder is off by an amount; its digest fits."""
    index = next(place for place, each in enumerate(bucket) if each.subject.endswith(f".{holder}.balance"))
    body = json.loads(bucket[index].payload)
    payload = json.dumps(body | {"posted": body["posted"] + amount}).encode()
    stored = replace(bucket[index], payload=payload, digest=digest(bucket[index].subject, payload))
    return instead(bucket, index, stored)


def test_balances_may_be_behind_the_journal_until_the_run_has_gone_on_to_its_end():
    log, bucket = kept_run()
    holders = sorted(each.subject.split(".")[1] for each in bucket if each.subject.endswith(".balance"))
    bucket = off_by(off_by(bucket, holders[0], 1), holders[1], -1)

    def found(log, behind):
        return {each.what for each in run_report(log, bucket, behind=behind).journal.findings}

    assert found(log[:-1], holders[:2]) == set()
    assert found(log[:-1], holders[:1]) == found(log, holders[:2]) == {"balance_differs_from_journal"}


def test_another_hash_than_the_one_that_was_kept_is_found():
    assert whats(*kept_run(), kept_hash="0" * 64) == {"canonical_hash_differs"}


def test_a_key_of_another_entry_is_found():
    log, bucket = kept_run()
    key = bucket[0].subject.rpartition(".")[0]

    assert "key_is_of_another_entry" in whats(
        log, instead(bucket, 0, replace(bucket[0], subject=f"{key}.other"))
    )


def test_a_record_without_a_digest_is_of_no_service():
    log, bucket = kept_run()

    assert whats(instead(log, 3, replace(log[3], digest=None)), bucket) == {"record_has_no_digest"}
