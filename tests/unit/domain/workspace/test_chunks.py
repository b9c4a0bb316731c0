"""Chunks: a digest that depends on the content alone, parts, additions, and content that is none."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from econsim.domain.workspace.chunks import (
    FileContent,
    described_content,
    extend,
    inline_content,
    is_intact,
    split,
)
from econsim.errors import InvalidMessage
from econsim.schemas.workspace import CHUNK_BYTES, INLINE_BYTES_MAX, WriteFile

LONG = b"".join(number.to_bytes(4, "big") for number in range(80_000))


def test_content_is_cut_into_chunks_of_one_size_and_a_rest():
    content, named = split(LONG)

    assert [content.chunk_size(at) for at in range(3)] == [
        CHUNK_BYTES,
        CHUNK_BYTES,
        len(LONG) - 2 * CHUNK_BYTES,
    ]
    assert b"".join(named[name] for name in content.names) == LONG


def test_the_digest_of_a_file_is_that_of_its_chunks_digests():
    content, named = split(LONG)

    digests = b"".join(sha256(part).digest() for part in named.values())
    assert content.digest == sha256(digests).hexdigest()


def test_nothing_has_no_chunks_and_a_digest():
    content, named = split(b"")

    assert (content.names, dict(named)) == ((), {})
    assert content.digest == sha256(b"").hexdigest()


@given(st.lists(st.integers(0, 3 * CHUNK_BYTES), min_size=1, max_size=4))
def test_content_that_is_added_piece_by_piece_is_the_content_that_is_written_whole(lengths):
    whole, content, chunks = b"", FileContent(0, ()), {}
    for number, length in enumerate(lengths):
        addition = bytes([number]) * length
        tail = chunks[content.names[-1]] if content.tail_size else b""
        content, named = extend(content, tail, addition)
        whole, chunks = whole + addition, chunks | dict(named)

    assert content == split(whole)[0]


@pytest.mark.parametrize(
    ("offset", "length", "places"),
    [
        (0, 1, [0]),
        (0, CHUNK_BYTES, [0]),
        (CHUNK_BYTES - 1, 2, [0, 1]),
        (CHUNK_BYTES, 10**9, [1, 2]),
        (len(LONG), 5, []),
        (10**8, 5, []),
    ],
)
def test_a_part_is_in_the_chunks_that_have_its_bytes(offset, length, places):
    assert list(split(LONG)[0].part(offset, length)) == places


@pytest.mark.parametrize(("chunks", "size"), [(0, 1), (1, 0), (1, CHUNK_BYTES + 1), (2, CHUNK_BYTES)])
def test_chunks_that_cannot_have_a_size_are_refused(chunks, size):
    with pytest.raises(InvalidMessage, match="every chunk but the last has 131072 bytes"):
        described_content(["0" * 64] * chunks, size)


def test_a_chunk_that_was_changed_is_not_intact():
    name = split(b"abc")[0].names[0]

    assert is_intact(name, b"abc")
    assert not is_intact(name, b"abd")
    assert not is_intact(name.replace(".3", ".4"), b"abc")


@pytest.mark.parametrize("text", ["?", "YQ", "YQ==\n", "ÄÄ"])
def test_base64_that_is_none_is_refused(text):
    with pytest.raises(InvalidMessage, match="base64"):
        inline_content(WriteFile(command_id="c", path="a", base64=text))


def test_a_command_carries_so_many_bytes_and_none_more():
    fits = WriteFile(command_id="c", path="a", text="x" * INLINE_BYTES_MAX)
    too_many = WriteFile(command_id="c", path="a", text="ä" * (INLINE_BYTES_MAX // 2 + 1))

    assert len(inline_content(fits)) == INLINE_BYTES_MAX
    with pytest.raises(InvalidMessage, match="the content has 32770 bytes") as refused:
        inline_content(too_many)
    assert refused.value.error_code == "message_is_too_large"
