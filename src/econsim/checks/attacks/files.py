"""Files: those of others, those beyond a quota, and changes that no service made."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Sequence
from contextlib import AsyncExitStack
from hashlib import sha256
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream import provision
from econsim.checks.attacks.attack import Attack
from econsim.checks.attacks.environment import Attacker, Environment, refusal_check, refusal_code
from econsim.checks.attacks.verdict import AttackVerdict, Check, raw_subject, verdict_of
from econsim.checks.raw_client import RawClient, RawMessage
from econsim.identity.agent_account import CONNECTIONS_MAX
from econsim.schemas.subject import Subject
from econsim.schemas.workspace import CHUNK_BYTES

SECRET: Final = b"the plans of a victim"
"""Content of the victim's file."""

SECRET_DIGEST: Final = sha256(SECRET).hexdigest()
"""Digest of the one chunk of the victim's file."""

PLANS: Final = "plans/secret.txt"
"""Path of the victim's file."""

ROOM_BYTES: Final = 200_000
"""Quota of the attacker, where it tries to exceed one."""

CHANGED_S: Final = 1.2
"""Pause after a quota was changed: it takes effect within a second."""

ESCAPES: Final = (
    "../%victim/plans/secret.txt",
    "/plans/secret.txt",
    "..",
    "a/../../%victim/plans/secret.txt",
    "%run.%victim.plans/secret.txt",
    "..\\%victim\\plans\\secret.txt",
    "%2e%2e/%victim/plans/secret.txt",
    "$KV.workspace_files.%run.%victim.>",
    "plans/*",
    "plans/secret.txt\u0000",
    "./plans/secret.txt",
    "plans//secret.txt",
    "file:///plans/secret.txt",
)
"""Paths that lead out of a workspace wherever paths are joined, split or expanded."""


def _request(operation: str, **fields: object) -> bytes:
    if operation in {"write", "append", "move", "copy", "delete"}:
        fields = {"command_id": f"attack-{operation}", **fields}
    return json.dumps(fields).encode()


async def _ask(raw: RawClient, row: Subject, **fields: object) -> RawMessage | None:
    return await raw.request(row.short, _request(row.action, **fields))


async def _plant(env: Environment) -> str:
    """Write the victim's file in the victim's name, as nobody but the server's owner can; return the victim."""
    victim = env.victims[0].name
    body = _request("write", path=PLANS, text=SECRET.decode(), command_id="plans-of-the-victim")
    await env.sim.request(subjects.WRITE_FILE(run=env.run, agent=victim), body, timeout=10)
    return victim


async def _victims_file(env: Environment) -> bytes:
    victim = env.victims[0].name
    body = _request("read", path=PLANS, as_text=True)
    return (await env.sim.request(subjects.READ_FILE(run=env.run, agent=victim), body, timeout=10)).data


def _secrecy_check(answers: Sequence[RawMessage | None]) -> Check:
    """Return the check that no answer has the secret."""
    forms = SECRET, b64encode(SECRET)
    leaks = sum(answer is not None and any(form in answer.payload for form in forms) for answer in answers)
    return Check(f"{leaks or 'none'} of {len(answers)} answers had the victim's content", not leaks)


async def escape_by_path(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Read, describe, copy and overwrite the victim's file by paths that lead out of a workspace."""
    victim = await _plant(env)
    paths = [path.replace("%victim", victim).replace("%run", env.run) for path in ESCAPES]
    answers: list[RawMessage | None] = []
    async with env.connect(attacker.user) as raw:
        for path in paths:
            answers += [
                await _ask(raw, subjects.READ_FILE, path=path),
                await _ask(raw, subjects.COPY_FILE, path=path, to="mine"),
                await _ask(raw, subjects.WRITE_FILE, path=path, text="overwritten"),
            ]
        answers.append(await _ask(raw, subjects.READ_FILE, path="mine"))
    return verdict_of(
        _secrecy_check(answers),
        Check("every request was answered", None not in answers),
        Check("the victim's file is what it was", SECRET in await _victims_file(env)),
    )


async def read_by_digest(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Name the victim's chunk in a file of the attacker's, and ask the server for it by its digest."""
    victim = await _plant(env)
    name = f"{SECRET_DIGEST}.{len(SECRET)}"
    async with env.connect(attacker.user) as raw:
        written = await _ask(
            raw, subjects.WRITE_FILE, path="stolen", chunks=[SECRET_DIGEST], size=len(SECRET)
        )
        read = await _ask(raw, subjects.READ_FILE, path="stolen")
        direct = await raw.request(f"state.chunk.{name}")
    async with env.connect(await env.powers.unrestricted_user(attacker.name)) as raw:
        crafted = [
            await raw.request(subject, b"", 0.5)
            for subject in (
                "state.chunk.*.*",
                "state.chunk.>",
                f"state.chunk.{victim}.{name}",
                raw_subject("$KV", "workspace_chunks", env.run, victim, name),
            )
        ]
    return verdict_of(
        Check(f"the write was {refusal_code(written)}", refusal_code(written) == "chunk_is_missing"),
        _secrecy_check([read, direct, *crafted]),
    )


async def act_as_the_victim(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Delete, move and overwrite the victim's file under the victim's name, and repeat its command."""
    victim = await _plant(env)
    async with env.connect(attacker.user) as raw:
        answers = [
            await _ask(raw, subjects.DELETE_FILE, path=PLANS, agent_id=victim),
            await _ask(raw, subjects.MOVE_FILE, path=PLANS, to="gone", agent_id=victim),
            await _ask(raw, subjects.WRITE_FILE, path=PLANS, text="x", agent=victim),
            await _ask(raw, subjects.DELETE_FILE, path=PLANS, command_id="plans-of-the-victim"),
            await raw.request(
                subjects.DELETE_FILE(run=env.run, agent=victim), _request("delete", path=PLANS)
            ),
        ]
    codes = {refusal_code(answer) for answer in answers}
    return verdict_of(
        Check(f"none was admitted: {', '.join(sorted(codes))}", "admitted" not in codes),
        Check("the victim's file is what it was", SECRET in await _victims_file(env)),
    )


async def lie_about_a_size(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Put a large chunk and say that it has one byte, and the other way round."""
    content = attacker.name.encode() * (CHUNK_BYTES // len(attacker.name))
    digest = sha256(content).hexdigest()
    async with env.connect(attacker.user) as raw:
        put = await raw.request(subjects.PUT_CHUNK.short, content)
        answers = [
            await _ask(raw, subjects.WRITE_FILE, path="lie", chunks=[digest], size=1),
            await _ask(raw, subjects.WRITE_FILE, path="lie", chunks=[digest], size=CHUNK_BYTES),
            await _ask(raw, subjects.WRITE_FILE, path="lie", chunks=[digest] * 9, size=9),
            await _ask(raw, subjects.WRITE_FILE, path="lie", chunks=[digest], size=-1),
        ]
        listed = await _ask(raw, subjects.LIST_FILES)
    used = json.loads(listed.payload)["used_bytes"] if listed else None
    return verdict_of(
        Check("the chunk itself was taken", put is not None and digest.encode() in put.payload),
        Check("no file was written of it", "admitted" not in {refusal_code(each) for each in answers}),
        Check(f"its files take {used} bytes", used == 0),
    )


async def race_the_quota(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Write many files at once on all connections, each within the quota, together far beyond it."""
    await env.powers.set_quota(attacker.name, "max_workspace_bytes", ROOM_BYTES)
    await asyncio.sleep(CHANGED_S)

    async def write(raw: RawClient, number: int) -> None:
        for turn in range(8):
            name = f"race/{number}-{turn}"
            await _ask(
                raw, subjects.WRITE_FILE, path=name, text=f"{name:.<30000}", command_id=name.replace("/", "-")
            )

    async with AsyncExitStack() as stack:
        raws = [await stack.enter_async_context(env.connect(attacker.user)) for _ in range(CONNECTIONS_MAX)]
        await asyncio.gather(*(write(raw, number) for number, raw in enumerate(raws)))
        listed = await _ask(raws[0], subjects.LIST_FILES)
    used = json.loads(listed.payload)["used_bytes"] if listed else None
    return verdict_of(
        Check(f"its files take {used} of {ROOM_BYTES} bytes", used is not None and used <= ROOM_BYTES),
        Check("it could use most of its quota", used is not None and used > ROOM_BYTES // 2),
    )


async def fill_the_disk(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Put chunks for ever and write no file of them."""
    await env.powers.set_quota(attacker.name, "max_workspace_bytes", ROOM_BYTES)
    await asyncio.sleep(CHANGED_S)
    async with env.connect(attacker.user) as raw:
        answers = [
            await raw.request(subjects.PUT_CHUNK.short, number.to_bytes(2, "big") * (CHUNK_BYTES // 2))
            for number in range(30)
        ]
    stored = await _stored_chunks(env, attacker.name)
    return verdict_of(
        Check("all were answered", None not in answers),
        Check(f"{stored} chunks are stored, of {len(answers)}", 0 < stored * CHUNK_BYTES <= 2 * ROOM_BYTES),
    )


async def forge_a_change(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Publish records and events of files, and chunks, without the service."""
    victim = env.victims[0].name
    forged = [
        raw_subject("$KV", "workspace_files", env.run, victim, "written", "00"),
        raw_subject("$KV", "workspace_files", env.run, attacker.name, "written", "00"),
        raw_subject("$KV", "workspace_chunks", env.run, attacker.name, "00", "1"),
        raw_subject("system", "workspace", "file_written", env.run),
        raw_subject("workspace", "file_written"),
    ]
    async with env.connect(attacker.user) as raw:
        for subject in forged:
            await raw.publish(subject, b"{}")
        await raw.flush()
        refused = [refusal_check(raw, "publish", subject) for subject in forged]
    return verdict_of(
        *refused,
        env.unseen_check(attacker, "$KV.workspace_files.>", "$KV.workspace_chunks.>"),
        Check("the victim's workspace has no such record", not await _record_count(env, forged[0])),
    )


async def listen_to_files(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Subscribe to what others write, put and are answered."""
    patterns = ["$KV.workspace_files.>", "$KV.workspace_chunks.>", "workspace.>", "state.chunk.>"]
    async with env.connect(attacker.user) as raw:
        for number, pattern in enumerate(patterns, 1):
            await raw.subscribe(pattern, number)
        await raw.flush()
        await _plant(env)
        await env.wait_for_growth(env.answer_counts, env.answer_counts())
        heard = raw.take_messages()
    return verdict_of(
        Check(f"{len(heard) or 'nothing'} was heard", not heard),
        Check("the victim's file is what it was", SECRET in await _victims_file(env)),
    )


async def find_out_by_a_put(env: Environment, attacker: Attacker) -> AttackVerdict:
    """Put the content that a victim may have, to see whether the answer tells that it was known."""
    await _plant(env)
    async with env.connect(attacker.user) as raw:
        known = await raw.request(subjects.PUT_CHUNK.short, SECRET)
        new = await raw.request(subjects.PUT_CHUNK.short, SECRET[::-1])
    stored = await _stored_chunks(env, attacker.name)
    fields = [sorted(json.loads(each.payload)) if each else [] for each in (known, new)]
    return verdict_of(
        Check("both answers have the same fields", fields[0] == fields[1] == ["digest", "size"]),
        Check(f"the attacker's own space has {stored} chunks", stored == 2),
    )


async def _stored_chunks(env: Environment, agent: str) -> int:
    """Return the number of chunks in an agent's space."""
    pattern = f"$KV.workspace_chunks.{env.run}.{agent}.>"
    return len(await provision.subject_counts(env.sim, "KV_workspace_chunks", pattern))


async def _record_count(env: Environment, subject: str) -> int:
    return len(await provision.subject_counts(env.sim, "KV_workspace_files", subject))


ATTACKS: Final = (
    Attack(
        "files_escape",
        "to read, copy or overwrite a victim's file by a path that leads out of the workspace",
        "a path is a key below the sender's own run and name, and what is no plain path is refused",
        escape_by_path,
    ),
    Attack(
        "files_by_digest",
        "to read a victim's file by the digest of its content",
        "chunks lie below run and agent: a digest alone names nothing",
        read_by_digest,
    ),
    Attack(
        "files_as_the_victim",
        "to delete, move or overwrite a victim's file under its name, or with the id of its command",
        "the workspace is that of the subject's last token, which the server writes",
        act_as_the_victim,
    ),
    Attack(
        "files_of_a_false_size",
        "to have more bytes than are counted, by a chunk of a false size",
        "the service writes the size into the chunk's name, and a file names its chunks with their sizes",
        lie_about_a_size,
    ),
    Attack(
        "files_race",
        "to exceed the quota of bytes by many writes at once",
        "each write names the newest record its decision knew, so of two at once one is decided again",
        race_the_quota,
    ),
    Attack(
        "files_without_end",
        "to fill the disk with chunks that no file has",
        "a worker counts the chunks of an agent that no file has, and the collector deletes them",
        fill_the_disk,
    ),
    Attack(
        "files_forged",
        "to change files, or the log about them, without the service",
        "the buckets and the events are no subjects of an agent's account",
        forge_a_change,
    ),
    Attack(
        "files_overheard",
        "to hear what others write and read",
        "subjects of files are imported as requests alone, each with the agent's own name in it",
        listen_to_files,
    ),
    Attack(
        "files_guessed",
        "to learn whether a victim has some content, by putting it",
        "content is stored once a workspace, so the answer is the same whoever else has it",
        find_out_by_a_put,
    ),
)
"""Attacks on the workspace service."""
