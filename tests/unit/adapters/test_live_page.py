"""The live page is what its source says, and its model of a run is econsim's own: sentences, causes, money, books."""

import hashlib
import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from nats_runs import shortened

from econsim.adapters.live_page.page_server import page
from econsim.domain.audit.causality import CausalGraph
from econsim.domain.audit.describe import ASKED, SENTENCES, describe
from econsim.domain.audit.facts import facts
from econsim.domain.execution import in_memory
from econsim.report.aggregate import RunAggregator

SOURCE = Path(str(files("econsim.adapters.live_page"))) / "source"
PARTS = sorted(each for each in SOURCE.iterdir() if each.suffix in (".js", ".mjs", ".css", ".html", ".json"))

PAGES = ("page", "play")

needs_node = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")), reason="node and npm are not installed"
)

MODEL = """
import { readFileSync } from "node:fs";
const { RunLog } = await import(`${process.argv[1]}/log.js`), { Economy } = await import(`${process.argv[1]}/economy.js`);
const { Describer } = await import(`${process.argv[1]}/sentences.js`);
const given = JSON.parse(readFileSync(0, "utf8")), log = new RunLog(), economy = new Economy(log), describer = new Describer(given);
for (const [place, [subject, text]] of given.events.entries()) {
  const event = log.add(place + 1, subject, text);
  economy.index(log.length - 1, event);
  economy.step(event);
}
const end = economy.state, half = log.length >> 1, tops = [];
const books = (state) => [...state.books].map(([name, { levels, trades }]) => [name, [...levels.bid].sort(), [...levels.ask].sort(), trades]);
economy.rewind(half);
while (economy.state.at < half) economy.step();
const middle = books(economy.state);
economy.rewind(log.length);
while (economy.state.at < log.length) economy.step();
const all = [...Array(log.factCount).keys()].map((index) => log.fact(index));
console.log(JSON.stringify({
  facts: all.map((fact) => [fact.id, describer.describe(fact), fact.actor]),
  chains: all.map(({ index }) => log.chain(index).map((each) => log.fact(each).id)),
  wealth: Object.fromEntries(economy.agents.map((name, agent) => [name, end.credits[agent] - end.debt[agent]])),
  cost: Object.fromEntries(economy.agents.map((name, agent) => [name, end.cost[agent]])),
  end: books(end), again: books(economy.state), middle, whole: economy.isWhole,
}));
"""


ANSWERS = r"""
const { Answers } = await import(`${process.argv[1]}/answers.js`);
const wire = (head, text) => {
  const block = `NATS/1.0${head}\r\n\r\n`, size = Buffer.byteLength(text);
  return `HMSG in.1 7 ${block.length} ${block.length + size}\r\n${block}${text}\r\n`;
};
const stored = (place, before, text) => wire(`\r\nX: y\r\nNats-Stream: log\r\nNats-Subject: a.b.${place}\r\nNats-Sequence: ${place}\r\nNats-Last-Sequence: ${before}`, text);
const end = (before) => wire(` 204 EOB\r\nNats-Num-Pending: 0\r\nNats-Last-Sequence: ${before}`, "");
const read = async (parts, cut) => {
  const answers = new Answers("in"), all = Buffer.from(parts.join("")), passed = [];
  const asked = answers.expect(false, 1e4, () => {}).catch((error) => error.message);
  let rest = Buffer.alloc(0);
  for (let at = 0; at < all.length; at += cut) {
    rest = answers.take(Buffer.concat([rest, all.subarray(at, at + cut)]), (other) => passed.push(Buffer.from(other)));
  }
  const found = await asked;
  if (typeof found === "string") return found;
  const texts = found.ends.map((to, place) => Buffer.from(found.bytes.slice(found.ends[place - 1] ?? 0, to)).toString());
  return [found.sequences, found.subjects, texts, Buffer.concat(passed).toString()];
};
const whole = ["PING\r\n", stored(3, 0, "é\r\nHMSG in.1 7 9 9"), "MSG in.1 8 5\r\nHMSG \r\n", stored(9, 3, ""), end(9), "+OK\r\n"];
console.log(JSON.stringify({
  whole: await Promise.all([1, 7, 64, 9999].map((cut) => read(whole, cut))),
  lost: await read([stored(3, 0, "a"), stored(9, 5, "b")], 50), short: await read([stored(3, 0, "a"), end(9)], 50), refused: await read([wire(" 503", "")], 50),
}));
"""


READER = r"""
const { readFileSync } = await import("node:fs"), place = `file://${process.argv[1]}/answers.js`;
const text = readFileSync(`${process.argv[1]}/reader.js`, "utf8").replace(/^import .*nats-core";$/m, "").replace("./answers.js", place);
const { Reader } = await import(`data:text/javascript,${encodeURIComponent(text.replace(/^const reader = [^]*/m, "export { Reader };"))}`);
const rests = [];
globalThis.postMessage = () => {};
Date.now = () => 1e12;
globalThis.setTimeout = (done, ms) => rests.push(ms) && done();
const answer = (count, behind, first, kilobytes) => {
  const one = JSON.stringify({ occurred_at: new Date(Date.now() - behind).toISOString(), text: "x".repeat(kilobytes << 10) }), places = [...Array(count).keys()];
  const bytes = new TextEncoder().encode(one.repeat(count));
  return { bytes, used: bytes.length, ends: places.map((n) => (n + 1) * one.length), sequences: places.map((n) => first + n), subjects: places.map(() => "a.b.c.run") };
};
const read = async (pages, count, behind, kilobytes = 0) => {
  const reader = new Reader(), asked = [];
  reader.ask = async (_, { seq }) => (asked.push(seq), answer(count, behind, seq, kilobytes));
  rests.length = 0;
  for (let page = 0; page < pages; page++, reader.waiting = 0) await reader.readPage({});
  return [asked, rests.length, reader.isCaughtUp];
};
console.log(JSON.stringify({
  full: await read(3, 300, 0), few: await read(3, 299, 60000), none: await read(3, 0, 0),
  crowd: await read(3, 9, 19000, 500), behind: await read(3, 9, 21000, 500),
}));
"""


def run_by_node(script, stdin=None):
    """Return what a script says that knows where the page's source is."""
    command = ["node", "--input-type=module", "--eval", script, str(SOURCE)]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_node
def test_answers_are_taken_out_of_a_connection_however_its_bytes_are_cut():
    found = run_by_node(ANSWERS)

    texts, others = ["é\r\nHMSG in.1 7 9 9", ""], "PING\r\nMSG in.1 8 5\r\nHMSG \r\n+OK\r\n"
    assert found["whole"] == [[[3, 9], ["a.b.3", "a.b.9"], texts, others]] * 4
    assert found["lost"] == found["short"] == "a message was lost on its way"
    assert found["refused"] == "the server answers 503"


@needs_node
def test_the_reader_rests_after_a_look_and_reads_at_once_what_fills_pages_or_has_fallen_behind():
    found = run_by_node(READER)

    places = [[0, 300, 600], [0, 299, 598], [0, 0, 0], [0, 9, 18], [0, 9, 18]]
    assert [asked for asked, _, _ in found.values()] == places
    rests = {name: (rests, caught_up) for name, (_, rests, caught_up) in found.items()}
    assert rests["full"] == (0, False)
    assert rests["few"] == rests["none"] == (3, True)
    # A page of few long messages, of a crowd: look by look while it is new, at once when it is more than 20 s behind.
    assert (rests["crowd"], rests["behind"]) == ((3, False), (0, False))


def modelled(events):
    """Return what the page's model makes of events, run by node."""
    given = {
        "events": [[each.subject, each.json().decode()] for each in events],
        "sentences": SENTENCES,
        "asked": {verb or "": sentence for verb, sentence in ASKED.items()},
    }
    return run_by_node(MODEL, json.dumps(given))


@pytest.fixture(scope="module", params=["genesis", "studio", "tool_market"])
def run(request):
    """Return the events of a short run, and the page's model of them."""
    events = list(in_memory.run(shortened(request.param, periods=2, ticks=8)))
    return events, modelled(events)


@needs_node
def test_a_fact_is_described_as_the_command_line_describes_it(run):
    events, found = run
    wanted = [[fact.event_id, describe(fact), fact.actor] for event in events for fact in facts(event)]

    assert found["facts"] == wanted


@needs_node
def test_a_fact_has_the_causes_that_why_prints(run):
    events, found = run
    graph = CausalGraph(events)
    wanted = [
        [step.event_id for step in graph.chain(fact.event_id)] for event in events for fact in facts(event)
    ]

    assert found["chains"] == wanted


@needs_node
def test_money_is_the_ledger_s(run):
    events, found = run
    tally = RunAggregator()
    for event in events:
        tally.add(event)
    summary = tally.summary()

    assert found["wealth"] == {each.agent: each.wealth for each in summary.holders}
    assert sum(found["cost"].values()) > 0
    assert found["whole"]


@needs_node
def test_a_place_that_is_gone_back_to_is_as_it_was(run):
    events, found = run
    from_the_start = modelled(events[: len(events) // 2])

    assert found["middle"] == from_the_start["end"]
    assert found["again"] == found["end"]


@needs_node
def test_each_period_has_its_own_equilibrium_and_that_without_limits_where_it_is_another():
    script = """
        const { equilibriumOf } = await import(`${process.argv[1]}/economy.js`), of = equilibriumOf([[1, 2, 3, 2, 3], [3, 1, 1, 2, 3], [4, null, null, null, null]]);
        console.log(JSON.stringify([1, 2, 3, 4, 9].map(of)));
    """
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", script, str(SOURCE)],
        capture_output=True,
        text=True,
        check=True,
    )

    free = {"low": 2, "high": 3}
    assert json.loads(done.stdout) == [
        {**free, "free": None},
        {**free, "free": None},
        {"low": 1, "high": 1, "free": free},
        None,
        None,
    ]


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_the_one_that_its_source_makes(name):
    """Make it anew with `npm ci && npm run build` in source/."""
    digest = hashlib.sha256()
    for each in PARTS:
        digest.update(each.name.encode() + b"\0" + each.read_bytes() + b"\0")

    assert f"npm run build`: {digest.hexdigest()}" in page(name).decode()


@pytest.mark.parametrize("name", PAGES)
def test_the_page_refers_to_nothing_outside(name):
    assert not re.findall(
        rb"""(?:src|href)=["'](?!data:)|url\(|@import|innerHTML|outerHTML|insertAdjacentHTML|document\.write""",
        page(name),
    )


def test_every_part_is_locked_by_its_digest_and_by_no_address():
    wanted = json.loads((SOURCE / "package.json").read_text())
    packages = {
        name: each
        for name, each in json.loads((SOURCE / "package-lock.json").read_text())["packages"].items()
        if name
    }

    versions = [*wanted["dependencies"].values(), *wanted["devDependencies"].values()]
    assert all(version.replace(".", "").isdigit() for version in versions)
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not [name for name, each in packages.items() if "resolved" in each]


@needs_node
@pytest.mark.slow
def test_the_build_makes_the_same_page_again(tmp_path):
    for each in [*PARTS, SOURCE / ".npmrc"]:
        shutil.copy(each, tmp_path)
    subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    subprocess.run(["node", "build.mjs", "."], cwd=tmp_path, check=True, capture_output=True)

    # `play.html` there is the frame of the page that is made in its place.
    assert all((tmp_path / f"{name}.html").read_bytes() == page(name) for name in PAGES)
