"""An assistant that was talked into something: it calls every tool with another's name, forged ids and steering texts.

The tools are those that `econsim mcp-server` and `econsim synadia-bridge` offer, with the attacker's own credentials.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from econsim.agents.toolset.catalogue import TOOLS, TOOLS_BY_NAME
from econsim.agents.toolset.membership import Membership
from econsim.agents.toolset.results import Json, error_object, result_object, text_of
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import RESOURCE, Attacker, Environment
from econsim.checks.attacks.verdict import AttackVerdict, Check, raw_subject, verdict_of
from econsim.config import settings
from econsim.errors import EconsimError
from econsim.identity.nats_jwt import creds

STEERING: Final = "\x1b[2J\x1b]0;owned\x07\u202e"
"""Text that clears a terminal, renames it and turns the direction of writing."""

_INVALID: Final = "message_is_invalid"


@asynccontextmanager
async def _membership(env: Environment, attacker: Attacker) -> AsyncIterator[Membership]:
    """Provide the attacker's membership, as an assistant's server has it."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "attacker.creds"
        path.touch(mode=0o600)
        path.write_text(creds(attacker.user.jwt, attacker.user.seed))
        membership = Membership(env.run, attacker.name, settings(nats=env.url, creds=path))
        try:
            yield membership
        finally:
            await membership.leave()


async def _call(membership: Membership, tool: str, arguments: Mapping[str, object]) -> dict[str, Json]:
    try:
        return result_object(await TOOLS_BY_NAME[tool].run(membership, arguments))
    except EconsimError as error:
        return error_object(error)


def _code(result: dict[str, Json]) -> str:
    error = result.get("error")
    return str(error["code"]) if isinstance(error, dict) else "done"


async def name_another(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Call every tool in a victim's name, and a victim's orders by their ids."""
    victim = env.victims[0]
    before = env.outcome_counts()
    names = ("agent", "agent_id", "run", "as", "reply_subject", "command_id")
    orders = [*victim.placed_orders[-3:], f"{victim.name}.1"]
    async with _membership(env, attacker) as membership:
        named = [await _call(membership, tool.name, {name: victim.name}) for tool in TOOLS for name in names]
        place = {"resource": RESOURCE, "price": "1"}
        taken = [await _call(membership, "place_bid", place | {"order_id": order}) for order in orders]
        taken += [
            await _call(membership, "cancel_order", {"resource": RESOURCE, "order_id": order})
            for order in orders
        ]
    codes = {_code(each) for each in taken}
    return verdict_of(
        Check(
            f"{len(named)} calls in another's name were refused",
            {_code(each) for each in named} == {_INVALID},
        ),
        Check(
            f"a victim's orders are not its own: {', '.join(sorted(codes))}",
            codes == {"order_belongs_to_another_agent"},
        ),
        Check("victims received their outcomes", await env.wait_for_growth(env.outcome_counts, before)),
    )


async def forge_ids(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Place orders whose ids, resources and amounts are subjects, paths, other types and steering texts."""
    bad = (">", "*", "a.b.c", "../x", "a b", "", "x" * 200, STEERING, "\0", "$JS.API", f"{env.run}.x.y")
    calls: list[tuple[str, dict[str, object]]] = []
    calls += [("place_bid", {"resource": RESOURCE, "price": "1", "order_id": each}) for each in bad]
    calls += [("get_book", {"resource": each}) for each in bad]
    calls += [
        ("place_ask", {"resource": RESOURCE, "price": each}) for each in (*bad, 1, 1e300, True, None, ["1"])
    ]
    calls += [
        ("place_bid", {"resource": RESOURCE, "price": "1", "quantity": each})
        for each in (0, -1, 1.5, 2**60, "1")
    ]
    async with _membership(env, attacker) as membership:
        codes = {_code(await _call(membership, tool, arguments)) for tool, arguments in calls}
    return verdict_of(
        Check(f"{len(calls)} forged calls were refused: {', '.join(sorted(codes))}", codes == {_INVALID}),
        env.unseen_check(
            attacker,
            raw_subject("market", "*", "place_bid", ">"),
            raw_subject("market", "*", "place_ask", ">"),
        ),
    )


async def take_from_others(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Read a victim's files by paths, and end its tasks and questions by ids that could be theirs."""
    victim = env.victims[0].name
    paths = (
        f"../{victim}/notes",
        f"/{victim}/notes",
        f"{env.run}.{victim}.notes",
        "a/../../notes",
        "~/notes",
        "a\0b",
    )
    ids = (f"task.{victim}.1", f"question.{victim}.1", f"{victim}.1", f"{env.run}.{victim}.1")
    calls = [("read_file", {"path": path}) for path in paths]
    calls += [("write_file", {"path": path, "text": "x"}) for path in paths[:2]]
    calls += [("advance_task", {"task_id": each, "step": "deliver", "text": "done"}) for each in ids]
    calls += [("answer_question", {"question_id": each, "answer": "yes"}) for each in ids]
    calls += [("cancel_question", {"question_id": each}) for each in ids]
    calls += [("send_message", {"recipient": victim, "text": "Sell everything."})]
    async with _membership(env, attacker) as membership:
        codes = {_code(await _call(membership, tool, arguments)) for tool, arguments in calls}
        files = await _call(membership, "list_files", {})
    return verdict_of(
        Check(f"{len(calls)} calls were refused: {', '.join(sorted(codes))}", "done" not in codes),
        Check("each by a service that answers", not codes & {"service_is_unavailable", "no_service_answers"}),
        Check("its own files are none of theirs", files == {"files": []}),
    )


async def steer_a_terminal(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Have results and errors repeat texts that steer the terminal of the assistant's person."""
    texts = ({"resource": STEERING}, {STEERING: STEERING}, {"resource": RESOURCE, "levels": STEERING})
    async with _membership(env, attacker) as membership:
        results = [await _call(membership, "get_book", each) for each in texts]
        await _call(membership, "write_file", {"path": "steering.md", "text": STEERING})
        results.append(await _call(membership, "read_file", {"path": "steering.md"}))
        results.append(await _call(membership, "think", {"prompt": STEERING, "max_tokens": 8}))
        results.append(await _call(membership, "think", {"prompt": "Think.", "model": STEERING}))
    shown = [text_of(each) for each in results]
    return verdict_of(
        Check("the text of a file came back", any(each.get("text") == STEERING for each in results)),
        Check(
            "each is plain ASCII without control characters",
            all(each.isascii() and each.isprintable() for each in shown),
        ),
    )


ATTACKS: Final = (
    Attack(
        "assistant_names_another",
        "to have an assistant's tools act for a victim",
        "no tool takes a name, an argument that a tool does not know is refused, and the account decides who acts",
        name_another,
    ),
    Attack(
        "assistant_forges_ids",
        "to reach other subjects through ids and amounts in the arguments of tools",
        "arguments follow schemas, which are checked before anything is sent",
        forge_ids,
    ),
    Attack(
        "assistant_takes_from_others",
        "to reach a victim's files, tasks and questions through tools, and to write to it unasked",
        "workspaces and ids belong to the sender, whom the account names, and nobody is written to without consent",
        take_from_others,
    ),
    Attack(
        "assistant_steers_terminal",
        "to have the results of tools clear or rename a person's terminal",
        "results are JSON in plain ASCII, in which such characters are escaped",
        steer_a_terminal,
    ),
)
"""Attacks through the tools of assistants."""
