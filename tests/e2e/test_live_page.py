"""The live page in a real browser: what it shows of a run, how it goes back, and what it does not let in.

The page may not evaluate text, nor may the tests: they look at elements.
"""

import asyncio
import json
import re
import socket
import threading
from contextlib import contextmanager, nullcontext

import pytest
from browsers import apart, needs_browser, put_in_log, renamed, watching
from factories import group, role, scenario
from nats_runs import over_nats, shortened
from superuser import superuser

from econsim import subjects
from econsim.adapters.jetstream import provision
from econsim.adapters.live_page.page_server import PageServer
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.cli.watch_session import WatchSession
from econsim.domain.audit.causality import CausalGraph
from econsim.domain.audit.facts import facts
from econsim.domain.execution import in_memory
from econsim.report.format import measure_words
from econsim.runs import scenario_file

pytestmark = [pytest.mark.nats, needs_browser]

MARKUP = "<img src=x onerror=document.title='taken'><script>document.title='taken'</script>"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Run a server as `econsim up` does, on a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = EmbeddedServer(tmp_path_factory.mktemp("state"))

    async def start():
        await server.__aenter__()
        client = await connect(server.url, superuser(server), "test-streams")
        await provision.apply(client)
        await client.close()

    asyncio.run_coroutine_threadsafe(start(), loop).result()
    yield server
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def shown(server):
    """Return the events of a real run, which thinks, calls tools and trades."""
    expected = {"expectations": scenario_file.load("tool_market").expectations}
    return apart(over_nats(server, shortened("tool_market", ticks=6).model_copy(update=expected), "shown"))


@pytest.fixture(scope="module")
def address(server, shown):
    with watching(server.state, "shown") as url:
        yield url


@pytest.fixture
def opened(browser, address):
    """Open the page of the real run in a tab of its own, and wait until all of it was read."""
    with tab(browser, address) as page:
        until_text(page, "#status", "ended")
        yield page


class tab:  # noqa: N801 - used as a function
    """A page in a context of its own; what the browser complains of fails the test."""

    def __init__(self, browser, url, *, width=1280, scheme="light"):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.url, self.complaints = url, []

    def __enter__(self):
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.goto(self.url)
        return page

    def __exit__(self, *_):
        self.context.close()
        assert not self.complaints


def until_text(page, selector, text):
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_text(text, timeout=60_000)


def figure(page, name):
    """Return a number of the head of the page."""
    pair = page.locator("#figures div", has=page.locator("dt", has_text=re.compile(f"^{name}$")))
    return int(pair.locator("dd").inner_text().replace(" ", "").replace("\u202f", ""))


@contextmanager
def serving_briefly(server, run, life_s, port=None):
    """Serve the page with credentials that hold for some seconds; yield its address and the times it asked for some."""
    sockets = f"ws://127.0.0.1:{port or server.websocket}"
    given, loop = [], asyncio.new_event_loop()
    stopped = asyncio.Event()
    told = threading.Event()
    found = []

    async def serve():
        client = await connect(server.url, server.creds("observer"), "test-watch")
        session = WatchSession(lambda: nullcontext(client), server.trust, run, sockets, life_s=life_s)
        await session.read_opening(client)

        async def describe():
            given.append(run)
            return await session.describe()

        answers = {**session.answers, "/session": describe}
        async with PageServer(server.pages, sockets, answers) as page:
            found.append(page.urls[0])
            told.set()
            await stopped.wait()
        await client.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    told.wait()
    try:
        yield found[0], given
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
        loop.close()


def of_type(events, row):
    return [fact for event in events for fact in facts(event) if fact.type == row.type]


def test_the_page_shows_what_the_log_has(opened, shown):
    trades = of_type(shown, subjects.TRADE_EXECUTED)

    assert opened.url.endswith("/")
    assert figure(opened, "trades") == len(trades) > 0
    assert figure(opened, "facts") == len([fact for event in shown for fact in facts(event)])
    assert figure(opened, "agents") == 48
    last = opened.locator("#trades .body .row").first.inner_text()
    assert f"{trades[-1].data['seller']} → {trades[-1].data['buyer']}" in last
    assert opened.locator("#price canvas").count() == 1


def test_the_verdicts_of_a_run_that_ended_are_shown(opened):
    opened.locator("#verdicts .verdict").first.wait_for()
    wanted = [measure_words(each) for each in scenario_file.load("tool_market").measures]

    names = opened.locator("#verdicts .verdict > span:nth-child(2)").all_inner_texts()
    assert names[: len(wanted)] == wanted
    assert "conservation" in names
    assert set(opened.locator("#verdicts .pill").all_inner_texts()) <= {"✓ holds", "✕ fails"}


def test_thoughts_and_tools_are_shown_with_their_texts(opened, shown):
    call = of_type(shown, subjects.LLM_INVOKED)[-1].data
    opened.locator("#filter-text").fill(call["id"])
    opened.locator("#filter-type").fill("invoked")
    until_text(opened, "#events-facts", re.compile(r"^1 of"))
    opened.locator("#events .body .row").first.click()

    texts = opened.locator("#why pre").all_inner_texts()
    assert call["content"] in texts
    assert any(f"You are {call['agent']}" in text for text in texts)
    opened.locator("#filter-text").fill("search_nodes")
    opened.locator("#filter-type").fill("completed")
    until_text(opened, "#events-facts", re.compile(r"^[1-9]"))
    opened.locator("#events .body .row").first.click()
    until_text(opened, "#why h3 >> nth=0", "Answer of the tool")


def test_events_are_filtered_by_type_agent_and_text(opened, shown):
    trades = of_type(shown, subjects.TRADE_EXECUTED)
    buyer = trades[0].data["buyer"]
    theirs = [fact for event in shown for fact in facts(event) if fact.concerns(buyer)]

    opened.locator("#filter-type").fill("trade")
    until_text(opened, "#events-facts", re.compile(f"^{len(trades)} of"))
    opened.locator("#filter-text").fill(trades[0].data["trade_id"])
    until_text(opened, "#events-facts", re.compile(r"^1 of"))
    opened.locator("#filter-type").fill("")
    opened.locator("#filter-text").fill("")
    opened.locator("#filter-agent").fill(buyer)
    until_text(opened, "#events-facts", re.compile(f"^{len(theirs)} of"))


def test_a_trade_leads_to_its_causes_up_to_the_run(opened, shown):
    trade = of_type(shown, subjects.TRADE_EXECUTED)[-1]
    opened.locator("#trades .body .row").first.click()
    steps = opened.locator("#why li small").all_inner_texts()

    assert [step.rpartition(" · ")[2] for step in steps] == [
        fact.event_id for fact in CausalGraph(shown).chain(trade.event_id)
    ]


def test_any_place_of_the_run_can_be_gone_to(opened, shown):
    half = len(shown) // 2
    opened.locator("#seek").fill(str(half))
    until_text(opened, "#status", "looking back")

    assert figure(opened, "trades") == len(of_type(shown[:half], subjects.TRADE_EXECUTED))
    opened.keyboard.press("Shift+ArrowRight")
    ticks = [number for number, each in enumerate(shown) if each.subject.startswith("system.clock.ticked")]
    following = next(number for number in ticks if number >= half)
    until_text(opened, "#place", re.compile(f"^event {following + 1} of"))
    opened.keyboard.press("ArrowLeft")
    until_text(opened, "#place", re.compile(f"^event {following} of"))
    opened.keyboard.press("Space")
    until_text(opened, "#status", "ended")
    assert figure(opened, "trades") == len(of_type(shown, subjects.TRADE_EXECUTED))


def test_a_list_has_elements_for_the_rows_in_sight_alone(opened):
    assert figure(opened, "facts") > 500
    assert opened.locator("#events .body .row").count() < 50


def test_the_keys_work_and_are_listed(opened):
    opened.keyboard.press("?")
    assert opened.locator("#help").is_visible()
    opened.keyboard.press("Escape")
    opened.keyboard.press("j")
    opened.keyboard.press("j")
    opened.locator("#events .row.chosen").wait_for()
    opened.keyboard.press("/")
    opened.keyboard.type("t?")
    assert opened.locator("#filter-text").input_value() == "t?"
    assert not opened.locator("#help").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_on_a_narrow_screen_light_or_dark(browser, address, scheme):
    with tab(browser, address, width=480, scheme=scheme) as page:
        until_text(page, "#status", "ended")
        width, ground = page.evaluate(
            "[document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor]"
        )

    assert width == 480
    assert (sum(map(int, re.findall(r"\d+", ground))) < 200) == (scheme == "dark")


def test_a_run_is_followed_while_it_goes_on(server, browser):
    rows = renamed(list(in_memory.run(shortened("genesis", ticks=4))), "growing")
    half = len(rows) // 2
    put_in_log(server, rows[:half])

    with watching(server.state, "growing") as url, tab(browser, url) as page:
        until_text(page, "#place", re.compile(f"of {half}$"))
        assert page.locator("#status").inner_text() == "live"
        page.keyboard.press("Space")
        put_in_log(server, rows[half:])
        until_text(page, "#place", re.compile(f"^event {half} of {len(rows)}$"))
        page.keyboard.press("Space")
        until_text(page, "#status", "ended")
        until_text(page, "#verdicts p", "the scenario expects nothing")


def test_verdicts_are_shown_while_the_run_goes_on(server, browser):
    wanted = {"expectations": scenario_file.load("tool_market").expectations}
    rows = renamed(list(in_memory.run(shortened("tool_market", ticks=4).model_copy(update=wanted))), "judged")
    put_in_log(server, rows[: len(rows) // 2])

    with watching(server.state, "judged") as url, tab(browser, url) as page:
        until_text(page, "#verdicts .pill >> nth=0", re.compile("so far|for good"))
        until_text(page, "#verdicts-of", re.compile("^after event [1-9]"))
        page.locator("#seek").fill("5")
        until_text(page, "#verdicts-of", re.compile("not after event 5, which is shown$"))
        put_in_log(server, rows[len(rows) // 2 :])
        until_text(page, "#verdicts .pill >> nth=0", re.compile("^. (holds|fails)$"))
        until_text(page, "#verdicts-of", "of the whole run, not after event 5, which is shown")


def test_each_period_has_its_own_equilibrium(server, browser):
    seller, buyer = (
        group(name, "truthful", count=4, roles=[role(side, first=first, last=last, units=1)])
        for name, side, first, last in (("seller", "ask", 1, 2), ("buyer", "bid", 3, 2))
    )
    change = {"first_period": 2, "market": "cpu", "price_ceiling": 1.5}
    held = scenario(seller, buyer, clock={"periods": 2, "ticks_per_period": 3}, changes=[change])
    rows = renamed(list(in_memory.run(held)), "changing")
    put_in_log(server, rows)

    with watching(server.state, "changing") as url, tab(browser, url) as page:
        until_text(page, "#status", "ended")
        bound = re.compile(r"equilibrium .*1\.50 \(dashed; 2\.00 without price limits and tax\)")
        until_text(page, "#market-facts", bound)
        page.locator("#seek").fill(str(len(rows) // 3))
        until_text(page, "#market-facts", re.compile(r"equilibrium 2\.00 \(dashed\)"))


def test_a_server_that_is_named_needs_the_addresses_of_its_websockets_and_of_the_page(server, shown, browser):
    port = server.pages[-1]
    named = ("--nats", server.url, "--websocket", f"ws://127.0.0.1:{server.websocket}", "--port", str(port))

    with watching(server.state, "shown", *named) as url, tab(browser, url) as page:
        until_text(page, "#status", "ended")
        assert page.url == f"http://127.0.0.1:{port}/"
    with pytest.raises(AssertionError, match="it ended"), watching(server.state, "shown", *named[:2]):
        pass


def test_texts_of_agents_stay_texts(server, browser):
    """Everything that the log can hold is as hostile as it can be: names, types, reports, thoughts, the run's title."""
    rows = renamed(list(in_memory.run(shortened("tool_market", ticks=2))), "hostile")
    opening = json.loads(rows[0][1])
    opening["data"]["scenario"]["title"] = MARKUP
    rows[0] = (rows[0][0], json.dumps(opening))
    for place, (subject, text) in enumerate(rows):
        event = json.loads(text)
        for item in event["data"].get("items", ()) if event["type"] == "system.invoked" else ():
            item |= {"content": MARKUP, "prompt": MARKUP, "model": MARKUP, "agent": MARKUP}
        rows[place] = (subject, json.dumps(event))
    report = {
        **opening,
        "event_id": MARKUP,
        "type": f"agent.{MARKUP}",
        "actor": MARKUP,
        "data": {"text": MARKUP, "turned": "\u202etxt\u2066"},
    }
    rows.insert(-1, ("agent.ana.told.hostile", json.dumps(report)))
    put_in_log(server, rows)

    with watching(server.state, "hostile") as url, tab(browser, url) as page:
        until_text(page, "#status", "ended")
        for table in ("#calls", "#events"):
            page.locator(f"{table} .body .row").first.click()
        page.locator("#filter-type").fill("<img")
        until_text(page, "#events-facts", re.compile(r"^1 of"))
        page.locator("#events .body .row").first.click()
        until_text(page, "#about", MARKUP)
        until_text(page, "#why pre >> nth=0", re.compile(re.escape(r'"\u202etxt\u2066"')))

        assert MARKUP in page.locator("#why pre").first.inner_text().replace('\\"', '"')
        assert page.locator("main img, main script, header img").count() == 0
        assert page.title() == "hostile · econsim"


def test_a_page_that_is_open_longer_than_its_credentials_is_given_new_ones(server, browser):
    rows = renamed(list(in_memory.run(shortened("genesis", ticks=2))), "long")
    half = len(rows) // 2
    put_in_log(server, rows[:half])

    with serving_briefly(server, "long", 2) as (url, given), tab(browser, url) as page:
        until_text(page, "#place", re.compile(f"of {half}$"))
        while len(given) < 2:
            page.wait_for_timeout(100)
        put_in_log(server, rows[half:])
        until_text(page, "#status", "ended")


def test_a_page_whose_server_has_gone_says_so_and_what_brings_it_back(server, shown, browser):
    gone = tab(browser, "")
    # Nobody can take a port that is bound; without a listener it refuses.
    unheard = socket.socket()
    unheard.bind(("127.0.0.1", 0))
    port = unheard.getsockname()[1]
    with unheard, serving_briefly(server, "shown", 60, port) as (gone.url, _), gone as page:
        until_text(
            page,
            "#note",
            re.compile("^Not connected: the server of the run has gone.*`econsim watch shown` again"),
        )
        page.locator("#note").wait_for()
        # The browser itself complains of the refused socket.
        gone.complaints.clear()


def test_the_page_cannot_command(opened, server):
    """What its credentials allow is the server's to say: here the page's own connection tries more, by the wire's own words."""
    said = opened.evaluate(
        """() => fetch("/session", { headers: { Authorization: "Bearer " + sessionStorage.getItem("econsim-key") } })
        .then((answer) => answer.json()).then((session) => new Promise((done) => {
          const socket = new WebSocket(session.sockets);
          socket.binaryType = "arraybuffer";
          socket.onmessage = ({ data }) => {
            const text = new TextDecoder().decode(data);
            if (text.startsWith("INFO")) socket.send("CONNECT {}\\r\\nPING\\r\\n");
            if (text.includes("-ERR")) done(text);
          };
        }))"""
    )

    assert "Authorization Violation" in said
