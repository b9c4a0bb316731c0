"""A file of the operator's that cannot be read, or whose secret cannot be sent."""

import pytest

from econsim.adapters.operator_file import FILE_BYTES_MAX, read_file, sendable_value
from econsim.errors import SetupError


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"#" * (FILE_BYTES_MAX + 1), "larger than 1048576 bytes"), (b"\xff\xfe", "no UTF-8 text")],
)
def test_a_file_that_is_too_large_or_no_text_is_named_with_its_reason(content, reason, tmp_path):
    (tmp_path / "it.toml").write_bytes(content)

    with pytest.raises(SetupError, match=rf"the file of keys .*it\.toml cannot be read: it is .*{reason}"):
        read_file(tmp_path / "it.toml", "file of keys")


def test_white_space_around_a_value_is_no_part_of_it_and_space_within_is():
    assert sendable_value({"IT": " Bearer hush\n"}, "IT", "here", "put it there") == "Bearer hush"


@pytest.mark.parametrize(
    ("value", "fault"), [(" ", "is not set"), ("hu\nsh", "cannot be sent"), ("hüsh", "cannot be sent")]
)
def test_a_value_that_cannot_be_sent_is_named_by_its_variable_alone(value, fault):
    with pytest.raises(SetupError, match=rf"^here: the environment variable IT .*{fault}; put it there$"):
        sendable_value({"IT": value}, "IT", "here", "put it there")
