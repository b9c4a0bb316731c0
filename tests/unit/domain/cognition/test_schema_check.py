"""Schemas of untrusted senders: what is none is refused with its path, nothing is fetched, and no check runs away."""

import json
import socket
import sys
import time

import pytest
from call_builders import prompt

from econsim.domain.cognition.schema_check import (
    SCHEMA_PARTS_MAX,
    WORK_MAX,
    answer_fault,
    check_schemas,
    schema_fault,
    text_fault,
)
from econsim.errors import InvalidMessage
from econsim.schemas.model_call import Completion, FinishReason, ToolCall, ToolDefinition

NUMBER = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 9}}, "required": ["n"]}
TOOL = ToolDefinition("look", parameters=NUMBER)


def doubling(levels):
    """Return a schema of a few hundred bytes whose check takes two to the power of its levels."""
    parts = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/a0", "$defs": {**parts, f"a{levels}": {"type": "integer"}}}


def nested(levels):
    schema = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


def completion(content="", *calls, finish_reason=FinishReason.STOP):
    return Completion(content, None, tool_calls=calls, finish_reason=finish_reason)


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        ({"type": "objekt"}, 'type: "objekt"'),
        ({"properties": {"x": {"minLength": -1}}}, "properties.x.minLength: -1"),
        ({"required": "a"}, 'required: "a" is not of type "array"'),
        ({"minimum": float("inf")}, "minimum: null"),
        ({"pattern": "("}, "pattern: "),
        ({"pattern": "(?=a)b"}, "pattern: "),
        ({"pattern": "[ab]{3000}[ab]{3000}"}, "pattern: "),
        (
            {"properties": {"x": {"$ref": "#/$defs/y"}}},
            "properties.x: reference '#/$defs/y' points at nothing",
        ),
        ({"$ref": "#"}, "leads back to itself"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "leads back to itself"),
        ({"$id": "other:x", "$ref": "#/y"}, "$id is not taken"),
        ({"$dynamicRef": "#x"}, "$dynamicRef is not taken"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "the dialects that are taken"),
        ({"description": "x" * 40_000}, "has 40018 bytes; at most 32768"),
        (nested(40), "more than 32 levels"),
        (nested(5_000), "more than 32 levels"),
        (doubling(40), f"more than {SCHEMA_PARTS_MAX} parts"),
        ({"anyOf": [{"pattern": f"a{n}"} for n in range(60)]}, f"more than {SCHEMA_PARTS_MAX} parts"),
    ],
)
def test_what_is_no_schema_of_bounded_cost_has_a_fault(schema, part):
    assert part in schema_fault(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        NUMBER,
        doubling(3),
        {"properties": {"$ref": {"type": "string"}, "$id": {"type": "string"}}},
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"a": {}},
            "$ref": "#/definitions/a",
        },
        {"default": {"id": "x"}, "patternProperties": {"^x": {"type": "string"}}},
    ],
)
def test_a_schema_of_bounded_cost_is_taken(schema):
    assert schema_fault(schema) is None


@pytest.mark.parametrize(
    "reference", ["http://127.0.0.1:{}/x", "file:///etc/hostname", "other.json", "//127.0.0.1:{}/x"]
)
def test_no_reference_is_ever_fetched(reference):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        fault = schema_fault({"items": {"$ref": reference.format(server.getsockname()[1])}})

        assert "points outside the schema; nothing is fetched" in fault
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_pattern_takes_linear_time():
    schema, text = {"pattern": "^(a+)+$"}, json.dumps("a" * 50_000 + "!")

    started = time.process_time()
    fault = text_fault(schema, text)

    assert fault
    assert time.process_time() - started < 5


def test_a_text_that_would_take_too_long_is_not_checked():
    schema = {"items": {"anyOf": [{"const": n} for n in range(2_000)]}}
    text = json.dumps([0] * (WORK_MAX // 2_000 // 2))

    assert "too many to check" in text_fault(schema, text)


@pytest.mark.parametrize("text", ["", "{", "[NaN]", "[" * 100_000, "9" * 5_000, '{"n": 1} and so on'])
def test_a_text_that_is_not_json_has_a_fault(text):
    assert "it is not JSON" in text_fault({}, text)


def test_the_fault_of_a_text_names_its_place():
    assert text_fault(NUMBER, '{"n": 10}') == "n: 10 is greater than the maximum of 9"


def test_a_response_schema_that_is_none_is_refused_by_its_code():
    with pytest.raises(
        InvalidMessage, match="response_schema is not a JSON Schema that is taken: type: "
    ) as refusal:
        check_schemas(prompt(response_schema={"type": 3}))

    assert refusal.value.error_code == "response_schema_is_not_valid"


def test_parameters_of_a_tool_that_are_no_schema_are_refused_by_their_code():
    with pytest.raises(InvalidMessage, match="parameters of tool 'look' are not") as refusal:
        check_schemas(prompt(tools=(ToolDefinition("look", parameters={"type": 3}),)))

    assert refusal.value.error_code == "tool_parameters_are_not_valid"


@pytest.mark.parametrize(
    ("found", "part"),
    [
        (completion('{"n": 10}'), "n: 10 is greater"),
        (completion("I pass."), "it is not JSON"),
        (
            completion('{"n": ', finish_reason=FinishReason.LENGTH),
            "it ends at max_tokens 100: it is not JSON",
        ),
        (
            completion("", ToolCall("1", "peek", "{}")),
            "it calls tool 'peek', which the prompt does not offer",
        ),
        (completion("", ToolCall("1", "look", '{"n": "x"}')), "arguments of tool 'look' do not follow"),
        (completion("", ToolCall("1", "look", "{")), "it is not JSON"),
    ],
)
def test_an_answer_that_does_not_follow_the_schemas_has_a_fault(found, part):
    assert part in answer_fault(prompt(response_schema=NUMBER, tools=(TOOL,)), found)


@pytest.mark.parametrize("found", [completion('{"n": 9}'), completion("", ToolCall("1", "look", '{"n": 1}'))])
def test_an_answer_that_follows_the_schemas_has_none(found):
    assert answer_fault(prompt(response_schema=NUMBER, tools=(TOOL,)), found) is None


def test_free_text_is_never_checked():
    assert answer_fault(prompt(), completion("I pass.")) is None


def test_the_module_does_not_import_its_library_before_the_first_check():
    assert "jsonschema_rs" not in vars(sys.modules["econsim.domain.cognition.schema_check"])
