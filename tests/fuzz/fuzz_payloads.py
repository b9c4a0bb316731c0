"""Payloads drawn from JSON schemas alone: valid ones, and every way to spoil one. Deterministic by seed.

Knows the part of JSON schema that our document uses; any other keyword is an error, so that a schema
that outgrows the generator is noticed. Knows no subject and no message.
"""

import json
import random
import re
from dataclasses import dataclass
from functools import partial

from econsim.schemas.workspace import CHUNK_BYTES

KEYWORDS = {
    *("$ref", "type", "anyOf", "oneOf", "const", "enum", "default", "title", "description", "examples"),
    *("properties", "required", "additionalProperties", "items", "minItems", "maxItems"),
    *("propertyNames", "maxProperties"),
    *("pattern", "not", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum"),
    *("allOf", "if", "then"),
}
"""What a schema may say. Conditions speak of reserved names alone, which no generated text is."""

ITEMS_MAX = 3
"""Items in most arrays; one in twenty has LONG_ITEMS."""
LONG_ITEMS = 30
FAVOURED = 4
"""Words of the vocabulary that one payload is made of."""

SAMPLES = {
    "null": [None],
    "boolean": [True, False],
    "integer": [0, -1, 2**64],
    "number": [1.5, -0.25],
    "string": ["", "1", "true", "é☃"],
    "array": [[], [1], [[]]],
    "object": [{}, {"a": 1}],
}
"""JSON type → values of it."""

ENDLESS = 10**6
"""Stands for no limit of repeats."""

_PIECE = re.compile(r"(\[[^\]]+\]|\\.|[^\[\\])([*+?]|\{\d+(?:,\d+)?\})?")
_OPTIONAL = re.compile(r"\(([^()]*)\)[?*]")


@dataclass(frozen=True)
class Payload:
    """One payload, and what is known of it."""

    number: int
    kind: str
    """Name of the mutator that made it."""
    body: bytes
    spoiled: bool
    """Whether it certainly does not follow its schema; otherwise it may."""


def bare_payload(seed, number):
    """Return the payload of this number for a message of bare bytes, 1 to CHUNK_BYTES of them."""
    draw = random.Random(f"{seed} bytes {number}")
    length = draw.choice(
        [0, 1, draw.randrange(100), CHUNK_BYTES, CHUNK_BYTES + 1, draw.randrange(CHUNK_BYTES)]
    )
    return Payload(number, "bytes", draw.randbytes(length), spoiled=not 0 < length <= CHUNK_BYTES)


class Generator:
    """Payloads of the messages of one document."""

    def __init__(self, schemas, words, seed=1):
        """Draw from these schemas; strings are often one of `words`, where the schema lets them."""
        self._schemas = schemas
        self._words = words
        self._favoured = words
        self._seed = seed

    def payload(self, name, number, kind=""):
        """Return the payload of this number for the message of this name; kinds take turns."""
        kind = kind or list(MUTATORS)[number % len(MUTATORS)]
        draw = random.Random(f"{self._seed} {name} {number} {kind}")
        # Few words in one payload: what must name the same thing twice then often does.
        self._favoured = draw.sample(self._words, min(len(self._words), FAVOURED))
        schema = self.resolved({"$ref": f"#/components/schemas/{name}"})
        body, spoiled = MUTATORS[kind](self, self.value(schema, draw), schema, draw)
        return Payload(number, kind, body, spoiled)

    def resolved(self, schema):
        """Return a schema with its reference followed."""
        if unknown := schema.keys() - KEYWORDS:
            message = f"the generator does not know the keywords {sorted(unknown)}"
            raise NotImplementedError(message)
        if "oneOf" in schema:
            # Told apart by a constant in each, so that no value fits two of them.
            return schema | {"anyOf": schema["oneOf"]}
        if "$ref" not in schema:
            return schema
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return self.resolved(self._schemas[schema["$ref"].rpartition("/")[2]]) | beside

    def value(self, schema, draw):
        """Return a value that follows the schema."""
        schema = self.resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return draw.choice(schema["enum"])
        if "anyOf" in schema:
            return self.value(draw.choice(schema["anyOf"]), draw)
        kind = draw.choice(types(schema))
        make = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": partial(integer),
            "number": number,
        }.get(kind, lambda _, by: by.choice(SAMPLES[kind]))
        return make(schema, draw)

    def places(self, value, schema):
        """Yield (holder, key, schema) of everything inside a value."""
        schema = self.chosen(value, schema)
        if isinstance(value, list):
            inside = [(place, schema.get("items", {})) for place in range(len(value))]
        elif isinstance(value, dict):
            more = schema.get("additionalProperties") or {}
            known = schema.get("properties", {})
            inside = [(key, known.get(key, more)) for key in value]
        else:
            return
        for key, below in inside:
            yield value, key, self.resolved(below)
            yield from self.places(value[key], below)

    def chosen(self, value, schema):
        """Return the schema, or the one of its alternatives, that is about values of this type."""
        schema = self.resolved(schema)
        found = [self.resolved(each) for each in schema.get("anyOf", ())]
        fitting = [each for each in found if {type_of(value), "any"} & set(types(each))]
        if isinstance(value, dict):
            fitting = [each for each in fitting if fits_constants(value, each)] or fitting
        return self.chosen(value, fitting[0]) if fitting else schema

    def allowed(self, schema):
        """Return every JSON type the schema lets a value have."""
        schema = self.resolved(schema)
        values = [schema["const"]] if "const" in schema else schema.get("enum", [])
        if values:
            return {type_of(value) for value in values}
        if "anyOf" in schema:
            return {kind for each in schema["anyOf"] for kind in self.allowed(each)}
        return set(SAMPLES) if "type" not in schema else set(types(schema))

    def _object(self, schema, draw):
        needed, found = schema.get("required", ()), {}
        for name, below in schema.get("properties", {}).items():
            if name in needed or draw.random() < 0.5:
                usual = "default" in below and draw.random() < 0.6
                found[name] = below["default"] if usual else self.value(below, draw)
        if isinstance(more := schema.get("additionalProperties", False), dict):
            keys = {"type": "string", "enum": self._favoured} | schema.get("propertyNames", {})
            found |= {self.value(keys, draw): self.value(more, draw) for _ in range(draw.randrange(3))}
        return found

    def _array(self, schema, draw):
        least = schema.get("minItems", 0)
        wanted = LONG_ITEMS if draw.random() < 0.05 else least + draw.randrange(ITEMS_MAX + 1)
        length = min(wanted, schema.get("maxItems", wanted))
        return [self.value(schema.get("items", {}), draw) for _ in range(length)]

    def _string(self, schema, draw):
        least, most = schema.get("minLength", 0), schema.get("maxLength", 200)
        pattern = schema.get("pattern", "")
        reserved = schema.get("not", {}).get("enum", ())
        words = [
            each
            for each in self._favoured
            if re.search(pattern, each) and least <= len(each) <= most and each not in reserved
        ]
        if words and draw.random() < 0.7:
            return draw.choice(words)
        length = draw.choice([max(least, 1), draw.randint(max(least, 1), min(most, 20)), most])
        if not pattern:
            return "".join(draw.choice("abc XYZ09_-.{}[]\"'\\/é☃\U0001f600\n\t") for _ in range(length))
        return matching(pattern, length, draw)


def fits_constants(value, schema):
    """Return whether an object has the words by which alternatives are told apart."""
    told = {
        key: each for key, each in schema.get("properties", {}).items() if {"const", "enum"} & each.keys()
    }
    return all(
        value[key] in (each.get("const"), *each.get("enum", ())) for key, each in told.items() if key in value
    )


def types(schema):
    """Return the JSON types a schema without alternatives names; any, if it names none."""
    found = schema.get("type", list(SAMPLES) if "anyOf" not in schema else [])
    return [found] if isinstance(found, str) else found


def type_of(value):
    """Return the JSON type of a value."""
    names = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}
    return names.get(type(value)) or ("array" if isinstance(value, list) else "object")


def integer(schema, draw):
    """Return a whole number within the bounds: one of them, near one, a round one, or any."""
    least = int(schema.get("minimum", -(10**6)))
    most = int(schema.get("maximum", max(least, 0) + draw.choice([10, 2**31, 2**70])))
    tens = draw.randint(1, 300) * 10 ** draw.randint(0, 6)
    found = [
        least,
        min(least + 1, most),
        min(least + draw.randrange(20), most),
        most,
        draw.randint(least, most),
    ]
    return tens if draw.random() < 0.5 and least <= tens <= most else draw.choice(found)


def number(schema, draw):
    """Return a number within the bounds, whole or not."""
    if "exclusiveMinimum" in schema:
        schema = schema | {"minimum": schema["exclusiveMinimum"] + 0.5}
    least, most = schema.get("minimum", -(10.0**6)), schema.get("maximum", 10.0**6)
    found = integer(schema, draw) + draw.choice([0, 0, 0.5, 0.25])
    return found if least <= found <= most else draw.choice([least, most])


def matching(pattern, length, draw):
    """Return a text that matches a pattern of character classes and optional groups, so long if it may be."""
    plain = _OPTIONAL.sub(lambda group: draw.choice([group[1], ""]), pattern.strip("^$"))
    pieces = [(expanded(letters), *bounds(repeat)) for letters, repeat in _PIECE.findall(plain)]
    left = max(length - sum(least for _, least, _ in pieces), 0)
    text = ""
    for letters, least, most in pieces:
        more = draw.randint(0, min(most - least, left)) if most < length else left
        left -= more
        text += "".join(draw.choice(letters) for _ in range(least + more))
    if not re.search(pattern, text):
        message = f"the generator cannot write a text for {pattern!r}"
        raise NotImplementedError(message)
    return text


def bounds(repeat):
    """Return the fewest and the most times a piece of a pattern stands."""
    if not repeat.startswith("{"):
        return {"": (1, 1), "?": (0, 1), "*": (0, ENDLESS), "+": (1, ENDLESS)}[repeat]
    least, _, most = repeat.strip("{}").partition(",")
    return int(least), int(most or least)


def expanded(letters):
    """Return the letters of a character class, or the letter itself."""
    inside = letters.removeprefix("[").removesuffix("]").replace("\\", "")
    return re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), inside)


def dumped(value):
    """Return a value's wire form."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def valid(_, value, __, ___):
    """Follow the schema."""
    return dumped(value), False


def one_field(generator, value, schema, draw):
    """Put one field just outside of what it may be: missing, unknown, past a bound, off its pattern."""
    ways = [partial(value.__setitem__, "colour", "red")]
    ways += [partial(value.pop, name) for name in schema.get("required", ())]
    for holder, key, below in generator.places(value, schema):
        found = generator.chosen(holder[key], below)
        if type_of(holder[key]) == "integer" and "integer" in types(found) and "const" not in found:
            wrong = [found[name] + step for name, step in (("minimum", -1), ("maximum", 1)) if name in found]
            ways += [partial(holder.__setitem__, key, number) for number in wrong]
        if type_of(holder[key]) == "string" and {"pattern", "enum"} & found.keys():
            ways += [partial(holder.__setitem__, key, text) for text in ("../*", "", "A b", "ü")]
        if isinstance(holder[key], dict) and found.get("additionalProperties") is False:
            ways.append(partial(holder[key].__setitem__, "colour", "red"))
    draw.choice(ways)()
    return dumped(value), True


def wrong_type(generator, value, schema, draw):
    """Give one field, or the whole, a value of a type it may not have."""
    ways = [("whole", 0, {"type": "object"}), *generator.places(value, schema)]
    ways = [(holder, key, set(SAMPLES) - generator.allowed(below)) for holder, key, below in ways]
    # A whole number is a number.
    ways = [(h, k, kinds - {"integer"} if "number" not in kinds else kinds) for h, k, kinds in ways]
    holder, key, kinds = draw.choice([way for way in ways if way[2]])
    wrong = draw.choice(SAMPLES[draw.choice(sorted(kinds))])
    if holder == "whole":
        return dumped(wrong), True
    holder[key] = wrong
    return dumped(value), True


def huge(_, value, schema, draw):
    """Make one field, or the whole, far larger than anybody sends."""
    size = draw.choice([5_000, 10_000, 70_000])
    fields = schema.get("properties", {})
    key = draw.choice([*fields, "colour"])
    kind = draw.randrange(3)
    if kind == 0:
        value[key] = "x" * size
    elif kind == 1:
        item = value.get(key)
        value[key] = [item] * (size // len(dumped(item)) + 1)
    else:
        number = b"9" * size
        return dumped({**value, key: "@"}).replace(b'"@"', number), False
    return dumped(value), False


def truncated(_, value, __, draw):
    """Stop before the end."""
    body = dumped(value)
    return body[: draw.randint(1, len(body) - 1)], True


def deep(_, value, __, draw):
    """Nest without end, open or closed, alone or in an unknown field."""
    depth = draw.choice([50, 200, 1_000, 2_000])
    opening, closing = draw.choice([(b"[", b"]"), (b'{"a":', b"}")])
    nested = opening * depth + draw.choice([b"1" + closing * depth, b""])
    if draw.random() < 0.5:
        return nested, True
    return dumped({**value, "colour": "@"}).replace(b'"@"', nested), True


def not_json(_, value, __, draw):
    """Send what is not JSON at all."""
    body = dumped(value)
    texts = [
        b"{not json",
        b"{'a': 1}",
        b"hello",
        b"<a/>",
        b"\x00",
        b" ",
        b"{}{}",
        b"{,}",
        b"nul",
        b"+1",
        b"0x10",
    ]
    found = [*texts, body + b"}", body + b",", b"//\n" + body, body[:-1] + b",}", body.replace(b":", b"=")]
    return draw.choice([each for each in found if not is_json(each)]), True


def bad_utf8(_, value, __, draw):
    """Put bytes into a text that no character has."""
    wrong = draw.choice(
        [b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\x80", b"\xf4\x90\x80\x80", b"\xe2\x98"]
    )
    if draw.random() < 0.3:
        return dumped({**value, "colour": "@"}).replace(b"@", draw.choice([wrong, b"\\ud800"])), True
    body = dumped(value)
    at = body.find(b'"') + 1 or 1
    return body[:at] + wrong + body[at:], True


def duplicate_keys(generator, value, schema, draw):
    """Say one field twice, alike or not."""
    key = draw.choice([*value, *schema.get("properties", {})])
    below = schema.get("properties", {}).get(key, {})
    twice = [value.get(key), generator.value(below, draw), draw.choice(SAMPLES["string"])]
    pairs = [dumped(key) + b":" + dumped(draw.choice(twice)) for _ in range(draw.choice([2, 3, 50]))]
    body = dumped(value)
    if draw.random() < 0.5:
        return b"{" + b",".join([*pairs, body[1:-1]]).rstrip(b",") + b"}", False
    return b"{" + b",".join([body[1:-1], *pairs]).lstrip(b",") + b"}", False


def nan(generator, value, schema, draw):
    """Put what is not a number where a whole one belongs."""
    numbers = [
        (holder, key)
        for holder, key, below in generator.places(value, schema)
        if generator.allowed(below) <= {"integer", "null"}
    ]
    holder, key = draw.choice([*numbers, (value, "schema_version")])
    holder[key] = "@@"
    return dumped(value).replace(
        b'"@@"', draw.choice([b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-NaN"])
    ), True


def unknown_version(_, value, __, draw):
    """Claim another version of the schema."""
    value["schema_version"] = draw.choice([0, 2, 99, -1, 2**64, "1", "2", None, 1.5, True, [1]])
    return dumped(value), True


MUTATORS = {
    each.__name__: each
    for each in (
        *(valid, one_field, wrong_type, huge, truncated, deep),
        *(not_json, bad_utf8, duplicate_keys, nan, unknown_version),
    )
}
"""Kind → what makes a payload of it, from a valid value, its schema and a source of chance."""


def is_json(body):
    """Tell whether bytes are one JSON text."""
    try:
        json.loads(body.decode(), parse_constant=_refused)
    except (ValueError, RecursionError):
        return False
    return True


def _refused(name):
    message = f"{name} is not JSON"
    raise ValueError(message)
