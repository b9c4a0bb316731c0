"""What a page costs the run that it follows: processor time of `econsim run`, with its services and server, with a page and without.

`python -m benchmarks.page_cost [SCENARIO [PAIRS]]`; by default 10 000 agents who all quote at each of twenty ticks, three pairs. The two of
a pair come in turn. The browser is there before, as a person's is; its own processor time and that of `econsim watch` are not the run's
and are told beside it: on a machine of few processors they take the run's caches, and that is part of the ratio. Needs a browser
(`apt-get install chromium`).
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright

from benchmarks import live_page, loads
from benchmarks.builds import Build
from benchmarks.sides import environment

PAIRS = 3
TICKS = 20
GOAL = 1.05
"""Most that a run may take with a page, over without."""
RUN = "watched"


class Cost(NamedTuple):
    """What one run took."""

    run_s: float
    """Processor seconds of the command with its services and server."""
    watcher_s: float = 0.0
    """Processor seconds of `econsim watch`."""
    browser_s: float = 0.0
    """Processor seconds of the browser."""
    events: int = 0
    """Events that the page had when the run ended."""


def run_once(scenario: Path | str, browser: Browser | None) -> Cost:
    """Run a scenario in a state directory of its own, followed by a page if there is a browser."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        econsim = Build.this().econsim("--state", Path(folder) / "state")
        running = _start(*econsim, "run", str(scenario), "--no-report", "--name", RUN)
        if browser is None:
            return Cost(_spent(running))
        watching = _start(*econsim, "watch", RUN, "--no-open")
        before = _browser_s(browser)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(_address(watching))
        events = 0
        # Its status is left for the one who takes its processor time.
        while os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            page.wait_for_timeout(1_000)
            events = max(events, live_page.read_count(page.locator("#place").inner_text()))
        used = _browser_s(browser) - before
        page.close()
        watching.terminate()
        return Cost(_spent(running), _spent(watching), used, events)


def _start(*command: str) -> subprocess.Popen[str]:
    """Start a command."""
    return subprocess.Popen(
        command,
        env=environment() | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _spent(process: subprocess.Popen[str]) -> float:
    """Return the processor seconds of a command, at its end, and of all that it started and waited for."""
    assert process.stdout
    process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    return used.ru_utime + used.ru_stime


def _browser_s(browser: Browser) -> float:
    """Return the processor seconds of all processes of a browser."""
    session = browser.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return float(sum(each["cpuTime"] for each in found))


def _address(watching: subprocess.Popen[str]) -> str:
    """Return the address that `econsim watch` prints; raises RuntimeError if it ends before."""
    assert watching.stdout
    for line in watching.stdout:
        if found := re.search(r"http://\S+", line):
            return found[0]
    message = "econsim watch ended without an address"
    raise RuntimeError(message)


def main(scenario: Path | str, pairs: int) -> None:
    """Measure pairs of runs and print."""
    with sync_playwright() as library:
        browser = library.chromium.launch(
            executable_path=live_page.browser_path(), args=["--no-sandbox", "--disable-gpu"]
        )
        ratios: list[float] = []
        for number in range(pairs):
            sides = (None, browser) if number % 2 == 0 else (browser, None)
            costs = [run_once(scenario, each) for each in sides]
            alone, followed = costs if number % 2 == 0 else costs[::-1]
            ratios.append(followed.run_s / alone.run_s)
            print(
                f"run {alone.run_s:.2f} s, with a page {followed.run_s:.2f} s, ratio {ratios[-1]:.3f}; "
                f"the page had {followed.events} events; econsim watch {followed.watcher_s:.2f} s, browser {followed.browser_s:.2f} s",
                flush=True,
            )
        browser.close()
    middle = statistics.median(ratios)
    word = "yes" if middle <= GOAL else "no"
    print(
        f"{middle:.3f}  median ratio ({min(ratios):.3f} … {max(ratios):.3f}), goal ≤ {GOAL}: {word}; load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    given, pairs = sys.argv[1:2], int(sys.argv[2]) if len(sys.argv) > 2 else PAIRS
    with TemporaryDirectory() as place:
        crowd = Path(place) / "crowd.toml"
        crowd.write_text(loads.crowd_file(live_page.AGENTS, TICKS))
        main(given[0] if given else crowd, pairs)
