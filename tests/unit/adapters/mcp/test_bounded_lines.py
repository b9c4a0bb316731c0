"""Lines of an untrusted process: whole ones as they are, long ones as their ends."""

import pytest

from econsim.adapters.mcp.bounded_lines import BoundedLines, LongLine


def fed(lines, *parts):
    return [line for part in parts for line in lines.feed(part)]


def test_lines_come_whole_however_they_are_cut():
    assert fed(BoundedLines(100), b"o", b"ne\ntw", b"o\nthree") == [b"one", b"two"]


def test_a_line_at_the_limit_is_taken_and_one_above_is_not():
    lines = BoundedLines(5)

    short, long_ = fed(lines, b"12345\n123456\n")

    assert short == b"12345"
    assert isinstance(long_, LongLine)
    assert long_.size == 6


def test_a_line_after_a_long_one_is_whole():
    assert fed(BoundedLines(5), b"x" * 50, b"x\nnext\n")[1] == b"next"


def test_of_a_long_line_the_ends_alone_are_kept():
    lines = BoundedLines(1_000)

    (found,) = fed(lines, b"begin", *(b"x" * 10_000 for _ in range(100)), b"end\n")

    assert (found.size, len(found.head), len(found.tail)) == (1_000_008, 512, 512)
    assert found.head.startswith(b"begin")
    assert found.tail.endswith(b"end")


@pytest.mark.parametrize(
    "template",
    [
        b'{"jsonrpc":"2.0","id":%d,"result":{"text":"%s"}}',
        b'{"id": %d, "jsonrpc": "2.0", "result": {"text": "%s"}}',
    ],
)
def test_the_request_of_a_long_answer_is_known_by_its_beginning(template):
    (found,) = fed(BoundedLines(100), template % (17, b"x" * 5_000) + b"\n")

    assert found.request_id == 17


@pytest.mark.parametrize(
    "template", [b'{"result":{"text":"%s"},"jsonrpc":"2.0","id":%d}', b'{"result":{"text":"%s"},"id":%d}']
)
def test_or_by_its_end(template):
    (found,) = fed(BoundedLines(100), template % (b"x" * 5_000, 17) + b"\n")

    assert found.request_id == 17


def test_an_id_within_the_text_is_not_taken_for_the_requests():
    (found,) = fed(BoundedLines(100), b'{"result":{"text":"%s \\"id\\":5 and so on' % (b"x" * 5_000) + b"\n")

    assert found.request_id is None
