"""A real browser, and `econsim watch` as a user starts it; runs are put into the log as they would be in it."""

import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from superuser import superuser

from econsim.adapters.nats.connection import Outgoing, connect, publish_many

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"

needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no browser is installed: `apt-get install chromium`"
)


@contextmanager
def browsing():
    """Run a browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as library:
        browser = library.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watching(state, run, *options):
    """Run `econsim watch`; yield the address that it prints."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ECONSIM_")}
    command = [sys.executable, "-m", "econsim", "--state", str(state), "watch", run, "--no-open", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**kept, "PYTHONUNBUFFERED": "1"}
    )
    try:
        told = ""
        while not (found := re.search(r"http://\S+", told)):
            line = process.stdout.readline()
            assert line, f"it ended: {told}"
            told += line
        yield found[0]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def apart(work):
    """Return what a coroutine returns, run on a loop of its own: the browser's library holds this thread's."""
    import asyncio

    done = []
    thread = threading.Thread(target=lambda: done.append(asyncio.run(work)))
    thread.start()
    thread.join()
    return done[0]


def renamed(events, run):
    """Return a run's events, as (subject, JSON), as those of another run."""
    old = events[0].subject.rpartition(".")[2]
    return [
        (each.subject.removesuffix(old) + run, each.json().decode().replace(f'_id":"{old}"', f'_id":"{run}"'))
        for each in events
    ]


def put_in_log(server, rows):
    """Store events in the log, in their order."""

    async def put():
        client = await connect(server.url, superuser(server), "test-log")
        messages = [
            Outgoing(subject, text.encode(), f"{subject}-{n}-{hash(text)}")
            for n, (subject, text) in enumerate(rows)
        ]
        await publish_many(client.jetstream(), messages)
        await client.close()

    apart(put())
