"""How many payloads a subject gets, and the table at the end."""

import pytest

SHORT = 66
"""Payloads per subject in the ordinary suite: ten of each kind."""

TALLIES = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption("--payloads", type=int, default=SHORT, help="payloads the fuzzer sends per subject")
    parser.addoption("--fuzz-seed", type=int, default=1, help="seed of the fuzzer's payloads")


@pytest.fixture(scope="session")
def payload_count(request):
    return request.config.getoption("--payloads", default=SHORT)


@pytest.fixture(scope="session")
def seed(request):
    return request.config.getoption("--fuzz-seed", default=1)


@pytest.fixture(scope="session")
def tallies(request):
    return request.config.stash.setdefault(TALLIES, [])


def pytest_terminal_summary(terminalreporter, config):
    from fuzz_driver import table

    if found := config.stash.get(TALLIES, []):
        terminalreporter.section("contract fuzzer")
        terminalreporter.write_line(table(found))
