"""Libraries that nats-py and FastStream import and nobody here uses: seen in a process of its own, which has loaded nothing yet."""

import subprocess
import sys

import pytest

BOTH = "{name for name in ('aiohttp.client', 'uvicorn.main') if name in sys.modules}"
"""A module that each of the libraries imports when it is loaded."""


def printed(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_app_of_a_service_loads_neither_the_libraries_nor_other_services():
    code = (
        f"import sys, econsim.app as app; app.market; print({BOTH}, 'econsim.routers.social' in sys.modules)"
    )

    assert printed(code) == "set() False"


@pytest.mark.parametrize(
    "use",
    [
        "import aiohttp; aiohttp.ClientSession",
        "from aiohttp import ClientSession",
        "import aiohttp.client",
        "from nats.aio import transport; transport.aiohttp.ClientSession",
    ],
)
def test_a_library_is_loaded_by_its_first_use(use):
    code = f"import sys, econsim.app; {use}; import aiohttp as it; print(type(it).__name__, it.ClientSession.__module__, it.__file__ is not None)"

    assert printed(code) == "module aiohttp.client True"


def test_who_looks_for_a_library_finds_it_and_does_not_load_it():
    code = f"import sys, importlib.util as u, econsim.app; print(u.find_spec('aiohttp').name, {BOTH})"

    assert printed(code) == "aiohttp set()"
