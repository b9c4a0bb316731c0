"""Questions as their askers may put them: options that a person can tell apart and type."""

import pytest
from pydantic import ValidationError

from econsim.schemas.social import AskHuman


def asked(*options):
    return AskHuman(request_id="q1", text="Buy?", options=options, deadline_ms=1_000)


@pytest.mark.parametrize("option", ["a\x1b[2J", "a\nb", " ", "a ", "yes\u202eon"])
def test_an_option_is_one_line_of_printable_characters(option):
    with pytest.raises(ValidationError, match="an option is one line of printable characters"):
        asked(option, "b")


@pytest.mark.parametrize("options", [("a", "a"), ("Ja", "ja")])
def test_options_differ_by_more_than_case(options):
    with pytest.raises(ValidationError, match="differ by case alone"):
        asked(*options)


def test_options_may_have_spaces_and_signs_within():
    assert asked("yes, all", "größer").options == ("yes, all", "größer")
