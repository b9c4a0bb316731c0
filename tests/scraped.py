"""The page of metrics, read as Prometheus reads it."""

import asyncio
import socket
import urllib.request

from prometheus_client.parser import text_string_to_metric_families


def free_address():
    """Return an address at which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


def page(address):
    """Return the text of the page."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        return answer.read().decode()


async def scrape(address):
    """Return name of a sample → its samples, each with labels and value."""
    text = await asyncio.to_thread(page, address)
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def value(found, name, **labels):
    """Return the sum of the samples that have these labels; none without one."""
    values = [each.value for each in found.get(name, ()) if labels.items() <= each.labels.items()]
    return sum(values) if values else None
