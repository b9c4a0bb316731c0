"""What a subject is made of: declarations that break the grammar fail, and patterns match as the server's do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requirements import requirement

from econsim import subjects
from econsim.errors import InvalidSubject
from econsim.schemas.subject import Subject, SubjectKind, is_token, matches, parse, token

BID = "market.{resource}.place_bid.{run}.{agent}"
TICKED = "system.clock.ticked.{run}"


def declared(template, kind, owner="market", **fields):
    stream = {SubjectKind.EVENT: subjects.AUDIT, SubjectKind.COMMAND: subjects.ORDERS}.get(kind, "")
    return Subject(template, kind, owner, "Message", **({"stream": stream} | fields))


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        (TICKED, SubjectKind.EVENT),
        ("agent.{agent}.{event}.{run}", SubjectKind.EVENT),
        (BID, SubjectKind.COMMAND),
        ("agent.{server}.call_tool.{run}.{agent}", SubjectKind.ENTRY),
        ("system.llm.invoke.{run}.{agent}", SubjectKind.REQUEST),
        ("market.{resource}.bid_accepted.{run}.{agent}", SubjectKind.DELIVERY),
        ("market.prices.price_updated.{run}.all", SubjectKind.BROADCAST),
        ("trace.{service}.figures_reported.{worker}", SubjectKind.TELEMETRY),
        ("admin.run.open.{operator}", SubjectKind.OPERATOR),
    ],
)
@requirement("subjects.grammar", "subjects.tense")
def test_each_kind_has_its_form(template, kind):
    assert declared(template, kind).template == template


@pytest.mark.parametrize(
    ("template", "kind", "fields", "mistake"),
    [
        (TICKED, SubjectKind.EVENT, {"owner": "nobody"}, "is owned by 'nobody'"),
        (TICKED, SubjectKind.EVENT, {"stream": ""}, "has a stream exactly if"),
        (BID, SubjectKind.REQUEST, {"stream": subjects.ORDERS}, "has a stream exactly if"),
        ("weather.clock.ticked.{run}", SubjectKind.EVENT, {}, "is no event"),
        ("system.clock.ticked.{run}.{agent}", SubjectKind.EVENT, {}, "is no event"),
        ("system.clock.ticked.{agent}", SubjectKind.EVENT, {}, "is no event"),
        ("market.place_bid.{run}.{agent}", SubjectKind.COMMAND, {}, "is no command"),
        ("market.cpu.place_bid.{agent}.{run}", SubjectKind.COMMAND, {}, "is no command"),
        ("market.prices.price_updated.{run}.{agent}", SubjectKind.BROADCAST, {}, "is no broadcast"),
        ("system.run.open.{operator}", SubjectKind.OPERATOR, {}, "has the wrong domain"),
        ("admin.run.opened.{run}", SubjectKind.EVENT, {}, "has the wrong domain"),
        (BID, SubjectKind.ENTRY, {}, "has the wrong domain"),
        ("market.CPU.get_book.{run}.{agent}", SubjectKind.REQUEST, {}, "has 'CPU' in it"),
        ("market.{Resource}.get_book.{run}.{agent}", SubjectKind.REQUEST, {}, "has '{Resource}' in it"),
        ("market.*.get_book.{run}.{agent}", SubjectKind.REQUEST, {}, "in it, which is neither"),
        ("market.cpu.get_book.{run}.{agent}", SubjectKind.REQUEST, {"short": "market.>"}, "has '>' in it"),
        ("market.cpu.place_bid.{run}", SubjectKind.EVENT, {}, "must be in the past tense"),
        ("trace.{service}.report.{worker}", SubjectKind.TELEMETRY, {}, "must be in the past tense"),
        ("system.{service}.reported.{worker}", SubjectKind.TELEMETRY, {}, "has the wrong domain"),
    ],
)
@requirement("subjects.admission")
def test_a_wrong_declaration_fails_when_it_is_made(template, kind, fields, mistake):
    with pytest.raises(InvalidSubject, match=mistake):
        declared(template, kind, **fields)


def test_a_subject_is_built_of_tokens_only():
    row = declared(BID, SubjectKind.COMMAND)

    assert row(resource="cpu", run="r", agent="anna") == "market.cpu.place_bid.r.anna"
    for value in ("a.b", "*", ">", ""):
        with pytest.raises(InvalidSubject, match="resource"):
            row(resource=value, run="r", agent="anna")
        with pytest.raises(InvalidSubject, match="run"):
            row.pattern(run=value)


def test_a_subject_matches_its_own_pattern():
    for row in subjects.TABLE:
        concrete = row(**dict.fromkeys(row.places, "x"))

        assert matches(row.pattern().split("."), concrete.split("."))
        if row.kind not in (SubjectKind.OPERATOR, SubjectKind.SPAN):
            assert parse(concrete).run == "x"


@pytest.mark.parametrize("value", ["a", "0", "a-b_c", "a" * 64])
def test_these_are_tokens(value):
    assert is_token(value)
    assert token(value) == value


@pytest.mark.parametrize("value", ["", "A", "_a", "-a", "a.b", "*", ">", "a b", "a\n", "é", "a" * 65, "{a}"])
def test_these_are_no_tokens(value):
    assert not is_token(value)
    with pytest.raises(InvalidSubject, match="is not a subject token"):
        token(value)


@pytest.mark.parametrize(
    ("pattern", "subject", "within"),
    [
        ("a.b", "a.b", True),
        ("a.*", "a.b", True),
        ("*.b", "a.c", False),
        ("a.*", "a.b.c", False),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        (">", "a", True),
        ("a.*.>", "a.b", False),
        ("a.>.c", "a.b.c", False),
    ],
)
def test_patterns_match_as_on_the_server(pattern, subject, within):
    assert matches(pattern.split("."), subject.split(".")) is within


@given(st.lists(st.sampled_from("ab"), min_size=1), st.data())
def test_a_pattern_made_from_a_subject_matches_it(tokens, data):
    pattern = [data.draw(st.sampled_from([each, "*"])) for each in tokens]
    cut = data.draw(st.integers(0, len(tokens) - 1))

    assert matches(pattern, tokens)
    assert matches([*pattern[:cut], ">"], tokens)
    assert not matches([*pattern, ">"], tokens)


@pytest.mark.parametrize("subject", ["a.b.c", "a.b.c.d.e.f", "weather.a.b.c", "market..b.c", "market.A.b.c"])
@requirement("subjects.grammar")
def test_a_subject_outside_the_grammar_is_not_parsed(subject):
    with pytest.raises(InvalidSubject):
        parse(subject)
