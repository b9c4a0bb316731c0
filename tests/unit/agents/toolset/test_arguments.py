"""What an assistant gives a tool reaches the SDK: no argument is dropped on the way, and none is made up."""

import pytest

from econsim.agents.toolset.catalogue import TOOLS_BY_NAME
from econsim.agents.toolset.membership import Membership
from econsim.errors import Unavailable

PLACE = {"resource": "cpu", "price": "2.18", "quantity": 3, "kind": "immediate_or_cancel", "order_id": "mine"}
TASK = {"task_id": "task.ana.1", "text": "Done."}

CALLS = [
    ("get_book", {"resource": "cpu", "levels": 7}),
    ("place_bid", PLACE),
    ("place_ask", PLACE),
    ("cancel_order", {"resource": "cpu", "order_id": "mine"}),
    ("replace_order", {"resource": "cpu", "order_id": "a", "price": "2", "quantity": 3, "new_order_id": "b"}),
    ("get_outcome", {"order_id": "mine", "wait_s": 4.5}),
    ("think", {"prompt": "Buy?", "system": "One word.", "max_tokens": 77, "model": "small"}),
    ("list_files", {"under": "notes"}),
    ("read_file", {"path": "a", "at": 3}),
    ("write_file", {"path": "a", "text": "b", "expected_version": 3, "command_id": "c"}),
    ("append_to_file", {"path": "a", "text": "b", "command_id": "c"}),
    ("move_file", {"path": "a", "to": "b", "overwrite": True, "command_id": "c"}),
    ("delete_file", {"path": "a", "command_id": "c"}),
    ("search_files", {"text": "a", "under": "notes"}),
    ("list_outside_tools", {"server": "time"}),
    ("quote_outside_tool", {"server": "time", "tool": "now"}),
    (
        "call_outside_tool",
        {"server": "time", "tool": "now", "params": {"zone": "UTC"}, "timeout_s": 4.5, "call_id": "c"},
    ),
    (
        "ask_human",
        {"text": "Buy?", "deadline_s": 60.5, "options": ["yes", "no"], "default": "later", "request_id": "r"},
    ),
    ("get_answer", {"question_id": "q"}),
    ("cancel_question", {"question_id": "q"}),
    ("answer_question", {"question_id": "q", "answer": "yes"}),
    ("send_message", {"recipient": "bert", "text": "Hello.", "message_id": "m"}),
    ("set_consent", {"other": "bert", "is_allowed": True}),
    ("delegate_task", {"taker": "bert", "text": "Do.", "price": "1.5", "deadline_s": 60.5, "task_id": "t"}),
    ("advance_task", {**TASK, "step": "progress", "percent": 40}),
    *(
        ("advance_task", {**TASK, "step": step})
        for step in ("decline", "deliver", "approve", "reject", "cancel")
    ),
]

REPEATED = ("place_bid", "write_file", "append_to_file", "move_file", "delete_file", "call_outside_tool")
REPEATED += ("replace_order", "ask_human", "send_message", "delegate_task")


class RecordingService:
    """Any service of the SDK, away: notes what it is asked and gives no answer."""

    def __init__(self):
        self.given = []

    def __getattr__(self, call):
        async def note(*args, **kwargs):
            self.given += [call, *args, *kwargs.values()]
            raise Unavailable

        return note

    def new_order_id(self):
        return "made"


class AwayMembership(Membership):
    """Membership in a run whose services give no answer."""

    def __init__(self):
        self.service = RecordingService()
        for name in ("economy", "cognition", "workspace", "tools", "social"):
            setattr(self, name, self.service)

    async def session(self):
        return self


async def given(tool, arguments):
    """Return what the SDK is given when a tool is called, and the details of the error."""
    membership = AwayMembership()
    with pytest.raises(Unavailable) as caught:
        await TOOLS_BY_NAME[tool].run(membership, arguments)
    return membership.service.given, caught.value.details


@pytest.mark.parametrize(("tool", "arguments"), CALLS)
async def test_every_argument_reaches_the_sdk(tool, arguments):
    sent, _ = await given(tool, arguments)

    words = repr(sent)
    values = [value for name, value in arguments.items() if name != "step"]
    assert not [value for value in values if repr(value).strip("[]") not in words]


@pytest.mark.parametrize(
    ("step", "call"),
    [
        ("accept", "accept_task"),
        ("decline", "decline_task"),
        ("progress", "report_progress"),
        ("deliver", "deliver_result"),
        ("approve", "accept_result"),
        ("reject", "refuse_result"),
        ("cancel", "cancel_task"),
    ],
)
async def test_a_step_of_a_task_is_a_call_of_the_sdk(step, call):
    sent, _ = await given("advance_task", {**TASK, "step": step})

    assert sent[:2] == [call, TASK["task_id"]]


@pytest.mark.parametrize("tool", REPEATED)
async def test_an_error_without_an_answer_has_the_id_for_the_repeat(tool):
    arguments = next(each for name, each in CALLS if name == tool)
    # The id of the new order or call stands last.
    key = [name for name in arguments if name.endswith("_id")][-1]

    _, told = await given(tool, arguments)
    _, made = await given(tool, {name: value for name, value in arguments.items() if name != key})

    assert told == {key: arguments[key]}
    assert made[key]
