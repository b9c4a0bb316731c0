"""A real Prometheus and promtool, and what they find; a test that needs them is skipped, with the reason, where they cannot be had."""

import asyncio
import json
import subprocess
import urllib.parse
import urllib.request
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path

import pytest
from eventually import eventually
from scraped import free_address

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy" / "observability"

CONFIG = """
global: {{ scrape_interval: 2s, evaluation_interval: 1s }}
rule_files: ["{rules}"]
scrape_configs:
  - {{ job_name: econsim, scrape_timeout: 2s, static_configs: [{{ targets: ["{target}"] }}] }}
"""


@cache
def programs():
    """Return the directory of the programs, or skip the test."""
    found = subprocess.run([ROOT / "tools" / "fetch-prometheus"], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(found.stderr.strip())
    return Path(found.stdout.strip())


def promtool(*arguments, **given):
    """Run promtool to its end; return the process."""
    return subprocess.run(
        [programs() / "promtool", *arguments], capture_output=True, text=True, check=False, **given
    )


class Prometheus:
    """A server that scrapes one address, and evaluates the rules of alerts."""

    def __init__(self, address):
        self._address = address

    async def get(self, path, **parameters):
        """Return the data of an answer of its API."""
        query = urllib.parse.urlencode(parameters)
        url = f"http://{self._address}/api/v1/{path}?{query}"
        answer = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=30).read())
        return json.loads(answer)["data"]

    async def values(self, expression):
        """Return the values that an expression has now, one a series."""
        found = await self.get("query", query=expression)
        return [float(series["value"][1]) for series in found["result"]]

    async def alerts(self):
        """Return the names of the alerts whose condition holds now, also those that wait for their time."""
        return {alert["labels"]["alertname"] for alert in (await self.get("alerts"))["alerts"]}

    async def is_ready(self):
        """Tell whether it answers."""
        with suppress(OSError):
            return await self.get("status/buildinfo")


@asynccontextmanager
async def prometheus(directory, target):
    """Run Prometheus for the time of the context."""
    config, address = directory / "prometheus.yml", free_address()
    config.write_text(CONFIG.format(rules=DEPLOY / "alerts.yml", target=target))
    process = await asyncio.create_subprocess_exec(
        programs() / "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        found = Prometheus(address)
        await eventually(found.is_ready, 60)
        yield found
    finally:
        process.terminate()
        await process.wait()
