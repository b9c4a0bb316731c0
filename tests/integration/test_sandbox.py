"""An agent in its sandbox reaches NATS and nothing else, reads nothing of the host, and is stopped for good.

An isolated agent fails at each attempt, and the same program succeeds without isolation: so the attempts are real.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from eventually import eventually
from requirements import requirement

from econsim.adapters.nats.account_push import account_provisioner
from econsim.agents.sandbox import bubblewrap
from econsim.agents.sandbox.limits import MIB, MachineLimits
from econsim.agents.sandbox.process import EndReason, Sandbox, SandboxResult
from econsim.agents.sandbox.spec import AgentSpec, Isolation
from econsim.errors import SetupError
from econsim.identity.agent_account import short_name
from econsim.identity.agent_credentials import mint
from econsim.subjects import GET_BALANCE

pytestmark = pytest.mark.nats

ASK = """
import asyncio, nats, os

async def main():
    creds = os.environ["ECONSIM_CREDS"]
    client = await nats.connect(os.environ["ECONSIM_NATS"], user_credentials=creds, max_reconnect_attempts=1)
    reply = await client.request(SUBJECT, b"bread", timeout=5)
    print(reply.data.decode())
    await client.close()

asyncio.run(main())
"""

REACH = """
import json, socket, time

def reached(family, address, kind=socket.SOCK_STREAM):
    try:
        with socket.socket(family, kind) as one:
            one.settimeout(2)
            one.connect(tuple(address) if isinstance(address, list) else address)
            if kind == socket.SOCK_DGRAM:
                one.send(b"x")
                time.sleep(0.1)  # a refusal comes back after the first
                one.send(b"x")
    except OSError:
        return False
    return True

print(json.dumps([name for name, *how in TRIES if reached(*how)]))
"""

READ = """
import json, os

def opened(path):
    try:
        os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
    except OSError:
        return False
    return True

print(json.dumps([path for path in PATHS if opened(path)]))
"""

STUBBORN = """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
os.write(1, b"up\\n")
time.sleep(600)
"""


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Skip where the kernel forbids namespaces."""
    order = [bubblewrap.program(), "--unshare-user", "--unshare-net", "--ro-bind", "/", "/", "/bin/true"]
    tried = subprocess.run(order, capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this kernel forbids namespaces: {tried.stderr.strip()}")


@pytest.fixture
def creds(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "bob.creds"
    path.parent.mkdir(mode=0o700)
    path.write_text("nothing")
    path.chmod(0o600)
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "place"
    path.mkdir()
    return path


def python(code: str, creds: Path, place: Path, *, server: str = "nats://127.0.0.1:1", **more) -> AgentSpec:
    return AgentSpec("r1", "bob", ("python", "-c", code), server, creds, place, **more)


async def run_to_end(spec: AgentSpec) -> SandboxResult:
    async with Sandbox(spec) as sandbox:
        return await asyncio.wait_for(sandbox.wait(), 60)


async def last_output(spec: AgentSpec):
    """Return what the agent printed last, as JSON."""
    outcome = await run_to_end(spec)
    assert outcome.status == 0, outcome
    return json.loads(outcome.lines[-1])


def processes_with(mark: str) -> list[Path]:
    """Return the processes whose command lines hold the mark."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found += [entry] * (mark in (entry / "cmdline").read_text())
    return found


@pytest.mark.usefixtures("namespaces")
@requirement("runtime.correlation_from_environment")
async def test_it_asks_over_nats_as_itself(server, run, nc, place):
    found = mint(server.trust, run, "bob")
    async with account_provisioner(server.url, server.trust) as provisioner:
        await provisioner.push([found.jwt()])

    async def answer(message):
        await message.respond(message.data.upper())

    await nc.subscribe(GET_BALANCE(run=run, agent="bob"), cb=answer)
    await nc.flush()
    code = ASK.replace("SUBJECT", repr(short_name(GET_BALANCE, "bob")))

    outcome = await run_to_end(python(code, found.creds, place, server=server.url))

    assert (outcome.status, outcome.lines[-1]) == (0, "BREAD"), outcome
    assert outcome.end_reason is EndReason.BY_ITSELF


def listeners(stack: contextlib.ExitStack, tmp_path: Path, url: str) -> list[list]:
    """Open listening sockets on the host; return the name and address of each."""
    local = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    six = stack.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6))
    file, abstract = str(tmp_path / "s"), f"\0econsim-{uuid.uuid4().hex}"
    for address in (file, abstract):
        one = stack.enter_context(socket.socket(socket.AF_UNIX))
        one.bind(address)
        one.listen()
    datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    datagrams.bind(("127.0.0.1", 0))
    return [
        ["loopback", 2, local.getsockname()],
        ["loopback 6", 10, six.getsockname()],
        ["file", 1, file],
        ["abstract", 1, abstract],
        ["datagram", 2, datagrams.getsockname(), 2],
        ["nats itself", 2, ["127.0.0.1", int(url.rpartition(":")[2])]],
    ]


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("isolation", Isolation)
async def test_it_opens_no_socket_elsewhere(server, place, creds, tmp_path, isolation):
    with contextlib.ExitStack() as stack:
        addresses = listeners(stack, tmp_path, server.url)
        code = f"TRIES = {addresses!r}\n{REACH}"
        reached = await last_output(python(code, creds, place, server=server.url, isolation=isolation))

    assert reached == ([] if isolation is Isolation.NAMESPACES else [name for name, *_ in addresses])


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('192.0.2.1', 80), 2)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
        "socket.socket(40, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    ],
)
@requirement("runtime.sandbox")
async def test_there_is_no_other_network(place, creds, attempt):
    code = f"import socket\ntry:\n    {attempt}\nexcept OSError as error:\n    print(error.errno)"

    assert await last_output(python(code, creds, place)) in {1, 101}


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("isolation", Isolation)
@requirement("runtime.sandbox")
async def test_it_reads_nothing_of_the_host(server, place, creds, tmp_path, isolation):
    (tmp_path / "secret").write_text("secret")
    paths = [
        str(path)
        for path in (
            server.state,
            server.creds("operator"),
            tmp_path / "secret",
            creds,
            "/etc/passwd",
            "/etc/hostname",
            "/var",
            "/sys",
            Path(__file__),
            f"/proc/{os.getpid()}/environ",
        )
    ]
    found = await last_output(python(f"PATHS = {paths!r}\n{READ}", creds, place, isolation=isolation))

    assert found == ([] if isolation is Isolation.NAMESPACES else paths)


@pytest.mark.usefixtures("namespaces")
async def test_home_directories_are_empty_but_for_python(place, creds):
    code = (
        "import json, os; print(json.dumps([os.listdir(p) for p in ('/root', '/home') if os.path.isdir(p)]))"
    )
    shown = {part for tree in (*bubblewrap.python(), place) for part in tree.parts}

    assert all(set(names) <= shown for names in await last_output(python(code, creds, place)))


@pytest.mark.usefixtures("namespaces")
async def test_it_sees_its_own_processes_only(place, creds, monkeypatch):
    monkeypatch.setenv("SECRET", "secret")
    code = """
import json, os
pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
print(json.dumps([len(pids), "SECRET" in open("/proc/1/environ").read(), os.getpid()]))
"""
    count, secret, pid = await last_output(python(code, creds, place))

    assert count <= 2
    assert pid <= 10
    assert not secret


@pytest.mark.usefixtures("namespaces")
async def test_its_environment_and_open_files_are_clean(place, creds, monkeypatch):
    monkeypatch.setenv("SECRET", "secret")
    code = """
import json, os
held = [name for name in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + name)]
creds = open(os.environ["ECONSIM_CREDS"]).read()
print(json.dumps([sorted(os.environ), held, creds, os.uname().nodename, os.getcwd()]))
"""
    names, held, its, host, directory = await last_output(python(code, creds, place))

    assert not set(names) - {*python("", creds, place).environment("", ""), "LC_CTYPE"}
    assert held == ["0", "1", "2"]
    assert (its, host, directory) == ("nothing", "agent", str(place))


@pytest.mark.usefixtures("namespaces")
async def test_it_has_no_privileges_and_gets_none(place, creds):
    code = """
import json, os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
rights = [status[name].strip() for name in ("CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")]
print(json.dumps([rights, os.getuid()]))
"""
    rights, user = await last_output(python(code, creds, place))

    assert rights == ["0" * 16, "0" * 16, "0" * 16, "1", "2"]
    assert user == 1000


@pytest.mark.usefixtures("namespaces")
async def test_outside_too_it_is_not_root(place, creds):
    mark, lines = uuid.uuid4().hex, []
    async with Sandbox(python(f"{STUBBORN}# {mark}", creds, place), lines.append):
        await eventually(lambda: "up" in lines)
        users = {entry.stat().st_uid for entry in processes_with(mark)}

    assert users == {os.getuid() or 65_534}


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize(
    "call", ["unshare(0x10000000)", "unshare(0x20000)", "keyctl(0, 0)", "shmget(0, 9, 512)"]
)
async def test_the_kernel_refuses_what_no_agent_needs(place, creds, call):
    name, _, arguments = call.partition("(")
    numbers = {"unshare": 272, "keyctl": 250, "shmget": 29}
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers of this test are those of x86_64")
    code = f"import ctypes; print(ctypes.CDLL(None).syscall({numbers[name]}, {arguments})"

    assert await last_output(python(code, creds, place)) == -1


@pytest.mark.usefixtures("namespaces")
async def test_it_writes_in_its_tmp_and_nowhere_else(place, creds):
    code = """
import json
done = []
for path in ("/x", "/usr/x", "/dev/x", "/dev/shm/x", "/run/econsim/agent.creds", PLACE + "/x", "/tmp/x"):
    try:
        open(path, "w").write("x")
        done.append(path)
    except OSError:
        pass
print(json.dumps(done))
"""
    spec = python(code.replace("PLACE", repr(str(place))), creds, place, readable=(place,))

    assert await last_output(spec) == ["/tmp/x"]
    assert not list(place.iterdir())


@pytest.mark.usefixtures("namespaces")
async def test_files_named_in_the_command_are_shown_and_their_neighbours_not(place, creds):
    (place / "bot.py").write_text("import json, os; print(json.dumps(os.listdir('.')))")
    (place / "neighbour").touch()
    spec = AgentSpec("r1", "bob", ("python", "bot.py"), "nats://127.0.0.1:1", creds, place)

    assert await last_output(spec) == ["bot.py"]


async def test_what_holds_secrets_is_not_shown_even_when_asked_for(place, creds, tmp_path):
    spec = python("", creds, place, readable=(tmp_path,), secrets=(creds.parent,))

    with pytest.raises(SetupError, match="put the agent's files in a directory of their own"):
        await run_to_end(spec)


BREAKING = [
    (EndReason.CPU, {"cpu_s": 1}, "while True: pass"),
    (EndReason.CPU, {"cpu_s": 2}, "import os; os.fork(); os.fork()\nwhile True: pass"),
    (
        EndReason.MEMORY,
        {"memory_bytes": 150 * MIB},
        "import os, time; os.fork(); os.fork(); x = b'x' * 2**26; time.sleep(60)",
    ),
    (
        EndReason.MEMORY,
        {"memory_bytes": 60 * MIB, "scratch_bytes": 80 * MIB, "file_bytes": 80 * MIB},
        "import time; f = open('/tmp/x', 'wb')\nfor _ in range(70): f.write(bytes(2**20))\nf.flush(); time.sleep(60)",
    ),
    (
        EndReason.FILES,
        {"files": 200},
        "import time\nfor n in range(300): open(f'/tmp/{n}', 'w').close()\ntime.sleep(60)",
    ),
    (EndReason.OUTPUT, {"output_bytes": MIB}, "while True: print('x' * 1000)"),
    (EndReason.WALL, {"wall_s": 1.0}, "import time; time.sleep(60)"),
]


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize(("ended", "limits", "code"), BREAKING)
async def test_it_is_stopped_at_its_limit(place, creds, ended, limits, code):
    mark = uuid.uuid4().hex
    outcome = await run_to_end(python(f"{code} # {mark}", creds, place, limits=MachineLimits(**limits)))

    assert outcome.end_reason is ended, outcome
    assert outcome.wall_s < 20
    assert not processes_with(mark)


HELD = [
    ({"memory_bytes": 64 * MIB}, "x = b'x' * 2**28", "MemoryError"),
    ({"file_bytes": MIB}, "open('/tmp/x', 'wb').write(bytes(2**21))", "File too large"),
    ({"scratch_bytes": MIB}, "open('/tmp/x', 'wb').write(bytes(2**22))", "No space left on device"),
    ({"open_files": 20}, "x = [open('/dev/null') for _ in range(30)]", "Too many open files"),
    (
        {"processes": 5},
        "import os\nwhile os.fork(): pass\nimport time; time.sleep(9)",
        "Resource temporarily",
    ),
    (
        {"processes": 5},
        "import threading, time\nfor _ in range(9): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
        "can't start new thread",
    ),
]


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize(("limits", "code", "why"), HELD)
async def test_it_gets_no_more_than_its_limit(place, creds, limits, code, why):
    outcome = await run_to_end(python(code, creds, place, limits=MachineLimits(**limits)))

    assert outcome.status == 1
    assert why in " ".join(outcome.lines)


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("isolation", Isolation)
async def test_a_hard_stop_leaves_nobody_behind(place, creds, isolation):
    mark, lines = uuid.uuid4().hex, []
    async with Sandbox(python(f"{STUBBORN}# {mark}", creds, place, isolation=isolation), lines.append) as box:
        await eventually(lambda: "up" in lines and len(processes_with(mark)) >= 4)
        outcome = await box.stop()

        assert not processes_with(mark)
    assert outcome.end_reason is EndReason.STOPPED
    assert outcome.wall_s < 10


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("isolation", Isolation)
async def test_when_the_agent_ends_its_children_do(place, creds, isolation):
    mark = uuid.uuid4().hex
    code = f"import os, time, sys\nif os.fork() == 0:\n    os.setsid(); time.sleep(600)\ntime.sleep(0.2); sys.exit(3) # {mark}"
    outcome = await run_to_end(python(code, creds, place, isolation=isolation))

    assert (outcome.end_reason, outcome.status) == (EndReason.BY_ITSELF, 3)
    assert not processes_with(mark)


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("isolation", Isolation)
async def test_the_agent_ends_with_its_parent(place, creds, isolation):
    mark = uuid.uuid4().hex
    owner = f"""
import asyncio
from functools import partial
from pathlib import Path
from econsim.agents.sandbox.spec import AgentSpec, Isolation
from econsim.agents.sandbox.process import Sandbox

async def main():
    command = ("python", "-c", {STUBBORN + "# " + mark!r})
    spec = AgentSpec("r1", "bob", command, "nats://127.0.0.1:1", Path({str(creds)!r}), Path({str(place)!r}),
                  isolation=Isolation({isolation.value!r}))
    async with Sandbox(spec, partial(print, flush=True)) as box:
        await box.wait()

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", owner, stdout=subprocess.PIPE)
    assert await process.stdout.readline() == b"up\n"
    process.kill()
    await process.wait()

    await eventually(lambda: not processes_with(mark))


@pytest.mark.usefixtures("namespaces")
async def test_giving_up_while_it_starts_leaves_nobody_behind(place, creds):
    mark = uuid.uuid4().hex
    spec = python(f"import time; time.sleep(600) # {mark}", creds, place)
    for number in range(8):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(run_to_end(spec), number * 0.015)

        assert not processes_with(mark)


@pytest.mark.usefixtures("namespaces")
async def test_a_program_that_is_not_there_is_named(place, creds):
    spec = AgentSpec("r1", "bob", ("no-such-thing",), "nats://127.0.0.1:1", creds, place)
    outcome = await run_to_end(spec)

    assert outcome.status == 127
    assert outcome.lines == ("no-such-thing cannot be run: No such file or directory",)


async def test_creds_that_are_not_there_are_named(place):
    with pytest.raises(SetupError, match=r"there is no creds file .*econsim agent create"):
        await run_to_end(python("", place / "none", place))


@pytest.mark.usefixtures("namespaces")
async def test_where_no_namespaces_can_be_had_it_refuses(place, creds):
    mark = uuid.uuid4().hex
    code = f"""
import asyncio
from pathlib import Path
from econsim.agents.sandbox.spec import AgentSpec
from econsim.agents.sandbox.process import Sandbox

async def main():
    spec = AgentSpec("r1", "bob", ("echo", {mark!r}), "nats://h:1", Path({str(creds)!r}), Path({str(place)!r}))
    async with Sandbox(spec, print) as box:
        await box.wait()

asyncio.run(main())
"""
    forbidding = ["--unshare-user", "--uid", "0", "--disable-userns", "--dev-bind", "/", "/"]
    order = [bubblewrap.program(), *forbidding, sys.executable, "-c", code]
    done = await asyncio.to_thread(subprocess.run, order, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "SetupError: no sandbox can be made here" in done.stderr
    assert "allow user namespaces" in done.stderr
    assert mark not in done.stdout


async def test_without_isolation_it_warns(place, creds, caplog):
    outcome = await run_to_end(python("print('here')", creds, place, isolation=Isolation.LIMITS))

    assert (outcome.status, outcome.lines) == (0, ("here",))
    assert "this agent is not isolated" in caplog.text


async def test_without_isolation_limits_hold_too(place, creds):
    code = "import os, time\nfor _ in range(9):\n    if os.fork() == 0: break\ntime.sleep(60)"
    spec = python(code, creds, place, isolation=Isolation.LIMITS, limits=MachineLimits(processes=5))

    assert (await run_to_end(spec)).end_reason is EndReason.PROCESSES
