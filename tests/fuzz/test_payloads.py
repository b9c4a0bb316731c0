"""The fuzzer's payloads are what they claim: valid ones follow their schema, spoiled ones do not."""

import json
from functools import cache

import pytest
from fuzz_payloads import MUTATORS, Generator, is_json
from jsonschema import Draft202012Validator

from econsim.services import asyncapi
from econsim.services.asyncapi import channel_name
from econsim.subjects import TABLE

pytestmark = pytest.mark.slow

ROUNDS = 15
WORDS = ("anna", "cpu", "o-1")


@pytest.fixture(scope="module")
def document():
    return asyncapi.document()


@pytest.fixture(scope="module")
def generator(document):
    return Generator(document["components"]["schemas"], WORDS)


@pytest.fixture(scope="module")
def follows(document):
    """Return whether a payload is a JSON text that follows the schema of a message."""

    @cache
    def validator(name):
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        return Draft202012Validator(schema)

    return lambda name, body: is_json(body) and validator(name).is_valid(json.loads(body))


def message_of(document, row):
    """Return the name of the message that travels on a subject."""
    return next(iter(document["channels"][channel_name(row)]["messages"]))


def utf8(body):
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def twice(body):
    found = []

    def pairs(items):
        found.append(len(items) > len(dict(items)))
        return dict(items)

    json.loads(body, object_pairs_hook=pairs)
    return any(found)


@pytest.mark.parametrize("row", TABLE, ids=channel_name)
def test_valid_payloads_follow_the_schema_of_their_channel(row, document, generator, follows):
    name = message_of(document, row)

    bodies = [generator.payload(name, number, "valid").body for number in range(ROUNDS)]

    assert [body for body in bodies if not follows(name, body)] == []


@pytest.mark.parametrize("kind", MUTATORS)
def test_what_a_mutator_calls_spoiled_follows_no_schema(kind, document, generator, follows):
    names = {message_of(document, row) for row in TABLE} - {"ChunkContent"}  # bare bytes have no fields

    payloads = [(name, generator.payload(name, number, kind)) for name in names for number in range(ROUNDS)]

    assert [found for found in payloads if found[1].spoiled and follows(found[0], found[1].body)] == []


@pytest.mark.parametrize(
    ("kind", "is_it"),
    [
        ("valid", is_json),
        ("one_field", is_json),
        ("wrong_type", is_json),
        ("huge", lambda body: len(body) > 4_000),
        ("truncated", lambda body: not is_json(body)),
        ("deep", lambda body: max(body.count(b"["), body.count(b"{")) >= 50),
        ("not_json", lambda body: not is_json(body)),
        ("bad_utf8", lambda body: b"\\ud800" in body or b"\xff" in body or not utf8(body)),
        ("duplicate_keys", twice),
        ("nan", lambda body: any(sign in body for sign in (b"NaN", b"Infinity", b"1e400"))),
        ("unknown_version", lambda body: b'"schema_version":1,' not in body.replace(b"}", b",")),
    ],
)
def test_a_mutator_makes_what_its_name_says(kind, is_it, generator):
    bodies = [generator.payload("PlaceBid", number, kind).body for number in range(50)]

    assert [body[:200] for body in bodies if not is_it(body)] == []


def test_every_kind_takes_its_turn_and_the_same_seed_gives_the_same_payloads(document, generator):
    again = Generator(document["components"]["schemas"], WORDS)
    other = Generator(document["components"]["schemas"], WORDS, seed=2)
    rounds = range(3 * len(MUTATORS))

    made = [generator.payload("PlaceBid", number) for number in rounds]

    assert {payload.kind for payload in made} == set(MUTATORS)
    assert made == [again.payload("PlaceBid", number) for number in rounds]
    assert made != [other.payload("PlaceBid", number) for number in rounds]


def test_a_keyword_the_generator_does_not_know_is_an_error(generator):
    with pytest.raises(NotImplementedError, match="multipleOf"):
        generator.resolved({"type": "integer", "multipleOf": 5})
