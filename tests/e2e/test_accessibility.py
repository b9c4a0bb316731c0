"""The pages as axe-core judges them, at day and night, on a desk and a phone: contrast, names, roles, what a keyboard reaches.

Cannot catch what is hard to understand.
"""

import subprocess
import sys

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsers import needs_browser, watching
from run_builders import small_run, summed, thinking_run

from econsim.report.comparison import render_comparison
from econsim.report.html import render

pytestmark = [pytest.mark.nats, pytest.mark.slow, needs_browser]

SCREENS = ((1280, "light"), (1280, "dark"), (380, "light"), (380, "dark"))

STUDY = """
scenario = "smith1962"
seeds = "1..2"
[settings]
clock.periods = 1
[grid]
clock.ticks_per_period = [20, 40]
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """Return a state directory with a run that thinks and calls tools."""
    state = tmp_path_factory.mktemp("state")
    econsim(state, "run", "tool_market", "--no-report", "--name", "shown", "--set", "clock.periods=1")
    return state


def econsim(state, *arguments):
    """Run a command on a state directory; its verdict on a run does not matter here."""
    command = [sys.executable, "-m", "econsim", "--state", str(state), *arguments]
    assert subprocess.run(command, stdout=subprocess.DEVNULL, cwd=state, check=False).returncode in (0, 1)


def violations(browser, url, done):
    """Return what axe-core finds on a page, by screen, once an element is there."""
    found = {}
    for width, scheme in SCREENS:
        # The pages let no script in but their own.
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
        )
        page = context.new_page()
        page.goto(url)
        page.locator(done).first.wait_for(timeout=60_000)
        if wrong := Axe().run(page).response["violations"]:
            found[width, scheme] = [
                (each["id"], [node["target"] for node in each["nodes"]]) for each in wrong
            ]
        context.close()
    return found


@pytest.mark.parametrize("name", ["small", "thinking", "comparison"])
def test_reports_have_no_violation(name, browser, tmp_path):
    texts = {
        "small": lambda: render(summed(small_run())),
        "thinking": lambda: render(summed(thinking_run())),
        "comparison": lambda: render_comparison(
            [summed(small_run()), summed(small_run("zi_c", name="run_2"))]
        ),
    }
    (page := tmp_path / "page.html").write_text(texts[name](), encoding="utf-8")

    assert violations(browser, page.as_uri(), "[data-chart] + .save") == {}


def test_the_page_of_a_study_has_no_violation(browser, tmp_path):
    (tmp_path / "days.toml").write_text(STUDY)
    econsim(tmp_path, "study", "days.toml", "--name", "days")
    page = tmp_path / "bench" / "days" / "index.html"

    assert violations(browser, page.as_uri(), "[data-chart] + .save") == {}


def test_the_live_page_has_no_violation(browser, state):
    with watching(state, "shown") as url:
        assert violations(browser, url, "#verdicts .verdict") == {}
