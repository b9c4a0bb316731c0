"""`econsim play` as people use it: two in browsers and a bot trade with each other in one run, and the log verifies."""

import os
import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest
from browsers import needs_browser

pytestmark = [pytest.mark.nats, needs_browser, pytest.mark.timeout(300)]

MARKUP = "<img src=x onerror=document.title='taken'><script>document.title='taken'</script>"

LAB = f"""
name = "lab"
title = "{MARKUP}"
instructions = "{MARKUP} Buy low."

[clock]
periods = 1
ticks_per_period = 6
join_ms = 600_000

[[markets]]
resource = "cpu"

[[agents]]
name = "ana"
policy = "external"
roles = [{{ resource = "cpu", side = "bid", values = [[3.20, 2.90]] }}]

[[agents]]
name = "bob"
policy = "external"
roles = [{{ resource = "cpu", side = "ask", values = [[1.00, 1.20]] }}]

[[agents]]
name = "cleo"
policy = "external"
"""

CHANGING = """
name = "lab"

[clock]
periods = 3
ticks_per_period = 1
join_ms = 600_000

[[markets]]
resource = "cpu"

[[agents]]
name = "ana"
policy = "external"
roles = [{ resource = "cpu", side = "bid", values = [[3.20]] }]

[[agents]]
name = "seller"
policy = "truthful"
roles = [{ resource = "cpu", side = "ask", values = [[1.00]] }]

[[changes]]
first_period = 2
market = "cpu"
tax = 0.50
price_ceiling = 2.50

[[changes]]
first_period = 3
group = "ana"
present = false
"""

BOT = """
import asyncio, sys
from econsim import join

async def main(run, state):
    async with join(run, "cleo", state=state) as me:
        async for tick in me.ticks():
            if tick.number == 1:
                await me.economy.place_bid("cpu", "2.00")
                await me.social.ask("Is 2 fair?", 600, options=("yes", "no"), person="ana")
            if tick.number == 3:
                await me.economy.place_ask("cpu", "2.50")

asyncio.run(main(*sys.argv[1:]))
"""


def econsim(state, *arguments, **options):
    """Start a command on a state directory."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ECONSIM_")}
    command = [sys.executable, "-m", "econsim", "--state", str(state), *arguments]
    return subprocess.Popen(command, text=True, env={**kept, "PYTHONUNBUFFERED": "1"}, **options)


def said(state, *arguments):
    """Return the exit code of a command and what it prints."""
    done = econsim(state, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.communicate()[0], done.returncode


@contextmanager
def running(process):
    """End a process with the context, if it still runs."""
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def playing(state, run, *names):
    """Run `econsim play` for these agents; yield the addresses that it prints."""
    options = [option for name in names for option in ("--as", name)]
    with running(econsim(state, "play", run, "--no-open", *options, stdout=subprocess.PIPE)) as process:
        urls = []
        while len(urls) < len(names):
            line = process.stdout.readline()
            assert line, "it ended"
            urls += re.findall(r"http://\S+", line)
        yield urls


class Person:
    """A person before a page of their own, in a browser profile of their own."""

    def __init__(self, browser, url, **options):
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        self.page, self.complaints = self.context.new_page(), []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(url)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()

    def sees(self, selector, text):
        from playwright.sync_api import expect

        expect(self.page.locator(selector)).to_contain_text(text, timeout=60_000)

    def presses(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def offers(self, price):
        self.presses("o", *price, "Enter", "Escape")

    def passes(self, where):
        """Be done with a tick, once it is there and waits."""
        self.sees("#time-facts", where)
        self.sees("#time-name", "This tick waits for you")
        self.presses("Space")


@contextmanager
def started(directory, text=LAB):
    """Start a run that waits for its agents; yield its state directory and the command."""
    (directory / "lab.toml").write_text(text)
    (directory / "bot.py").write_text(BOT)
    state, scenario = directory / "state", str(directory / "lab.toml")
    with (directory / "said").open("w") as output:
        command = econsim(state, "run", scenario, "--name", "lab", stdout=output, stderr=output)
        with running(command):
            yield state, command


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """Return the state directory of a run in its waiting room, which nobody leaves."""
    with started(tmp_path_factory.mktemp("room")) as (state, _):
        yield state


def trade(ana, bob):
    """Have bob sell to the bot, the bot to ana, and bob to ana; ana loads her page again meanwhile."""
    people = (ana, bob)
    for person in people:
        person.passes("tick 1 of 6")
    ana.sees(".question p", "Is 2 fair?")
    ana.page.locator(".question button", has_text="yes").click()
    bob.sees("#best-bid", "2.00")
    bob.presses("s")
    bob.sees("#offers", "sent")
    for person in people:
        person.passes("tick 2 of 6")
    bob.sees("#news", "Sold 1 unit at 2.00")
    bob.sees("#profit", "+1.00")
    for person in people:
        person.passes("tick 3 of 6")
    ana.sees("#best-ask", "2.50")
    ana.presses("b")
    ana.sees("#offers", "sent")
    for person in people:
        person.passes("tick 4 of 6")
    ana.sees("#news", "Bought 1 unit at 2.50")
    ana.sees("#next", "2.90")
    bob.offers("2.40")
    ana.offers("3.50")
    ana.sees("#said", "would lose 0.60")
    ana.offers("0.50")
    for person in people:
        person.passes("tick 5 of 6")
    ana.sees("#offers", "open")
    ana.page.reload()
    ana.sees("#offers", "0.50")
    ana.sees("#profit", "+0.70")
    ana.sees("#best-ask", "2.40")
    ana.presses("b")
    ana.sees("#offers", "sent")
    for person in people:
        person.passes("tick 6 of 6")


def test_two_people_and_a_bot_trade_with_each_other_and_the_log_verifies(browser, tmp_path):
    with ExitStack() as stack:
        state, command = stack.enter_context(started(tmp_path))
        urls = stack.enter_context(playing(state, "lab", "ana", "bob"))
        bot = [sys.executable, str(tmp_path / "bot.py"), "lab", str(state)]
        stack.enter_context(running(subprocess.Popen(bot)))
        ana, bob = (stack.enter_context(Person(browser, url)) for url in urls)
        ana.sees("#gate-rules", "Buy low.")
        ana.presses("Enter")
        ana.sees("#gate-title", "Waiting room")
        bob.sees("#gate-rules", "Buy low.")
        bob.presses("Enter")
        trade(ana, bob)

        for person, earned in ((ana, "+1.20"), (bob, "+2.20")):
            person.sees("#between-title", "The session is over")
            person.sees("#between-profit", earned)
            assert not person.complaints
        command.wait()

    trades, _ = said(state, "events", "lab", "--type", "trade_executed")
    answers, _ = said(state, "events", "lab", "--type", "question_ended")
    report, code = said(state, "ledger", "verify", "lab")
    assert re.findall(r"\w+ bought 1 cpu at [\d.]+ from \w+", trades) == [
        "cleo bought 1 cpu at 2 from bob",
        "ana bought 1 cpu at 2.5 from cleo",
        "ana bought 1 cpu at 2.4 from bob",
    ]
    assert re.findall(r"question\.(\w+)\.\w+ is answered: (\w+)", answers) == [("cleo", "yes")]
    assert code == 0, report


def test_what_holds_in_a_period_is_told_in_words_and_who_has_left_the_market_is_not_waited_for(
    browser, tmp_path
):
    with ExitStack() as stack:
        state, command = stack.enter_context(started(tmp_path, CHANGING))
        (url,) = stack.enter_context(playing(state, "lab", "ana"))
        ana = stack.enter_context(Person(browser, url))
        ana.sees("#gate-rules", "may change from period to period")
        ana.presses("Enter")
        ana.sees("#next", "3.20")
        ana.sees("#terms", "Prices from 0.01 to 4.00 are allowed.")
        ana.passes("period 1 of 3")
        ana.sees("#next", "2.70")
        ana.sees("#next-facts", "3.20 less 0.50 tax")
        ana.sees("#terms li.new >> nth=0", "Prices from 0.01 to 2.50 are allowed.")
        ana.sees("#terms li.new >> nth=1", "You pay a tax of 0.50 for each unit that you buy")
        ana.offers("2.60")
        ana.sees("#said", "Prices go from 0.01 to 2.50")
        ana.sees("#between-title", "Period 1 is over")
        ana.presses("Space")
        ana.passes("period 2 of 3")
        ana.sees("#between-title", "The session is over")
        assert not ana.complaints
        assert command.wait() == 0


def test_a_question_is_answered_on_the_page_and_texts_of_others_stay_texts(room, browser):
    with playing(room, "lab", "ana") as (url,), Person(browser, url) as ana:
        ana.sees("#gate-title", MARKUP)
        asking = econsim(
            room, "inbox", "ask", "lab", "ana", MARKUP, "--deadline", "60", stdout=subprocess.PIPE
        )
        ana.sees(".question p", MARKUP)
        ana.page.locator(".question input").fill(MARKUP)
        ana.page.locator(".question button").click()
        answer, _ = asking.communicate()

        assert MARKUP in answer
        assert ana.page.locator("main img, main script, header img").count() == 0
        assert ana.page.title() == "ana · lab · econsim"
        assert not ana.complaints


def test_two_browsers_of_one_agent_say_so(room, browser):
    with playing(room, "lab", "ana") as (url,), Person(browser, url) as ana:
        ana.sees("#gate-rules", "Buy low.")
        with Person(browser, url) as twin:
            ana.sees("#note", "ana is open in another tab or browser")
            twin.sees("#note", "ana is open in another tab or browser")

        ana.page.locator("#note").wait_for(state="hidden")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_on_a_narrow_screen_light_or_dark(room, browser, scheme):
    with playing(room, "lab", "ana") as (url,), Person(browser, url, color_scheme=scheme) as ana:
        ana.page.set_viewport_size({"width": 480, "height": 900})
        ana.sees("#gate-rules", "Buy low.")
        width, ground = ana.page.evaluate(
            "[document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor]"
        )

    assert width == 480
    assert (sum(map(int, re.findall(r"\d+", ground))) < 200) == (scheme == "dark")


def test_who_gives_no_credentials_of_the_agent_is_told_what_makes_them(room):
    with playing(room, "lab", "bob"):
        creds = room / "trust/agents/lab/bob.creds"
        text, code = said(room, "--creds", str(creds), "play", "lab", "--as", "ana", "--no-open")

    assert code == 1
    assert "are of agent 'bob', not 'ana'" in " ".join(text.split())
