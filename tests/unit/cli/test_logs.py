"""`econsim logs`: the logs of all services together, filtered, and as they grow."""

import json
from logging.handlers import RotatingFileHandler

import pytest
from typer.testing import CliRunner

from econsim.cli import app
from econsim.cli.logs import ServiceLogs


def write(state, service, *lines):
    (state / "logs").mkdir(exist_ok=True)
    with (state / "logs" / f"{service}.log").open("a") as file:
        file.writelines(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in lines)


def entry(second, message, level="info", **fields):
    return {
        "time": f"2026-01-01T00:00:{second:02}.000000+00:00",
        "level": level,
        "message": message,
        **fields,
    }


@pytest.fixture
def state(tmp_path):
    write(tmp_path, "market", entry(1, "first", run="r1"), entry(3, "third", "warning", run="r2"))
    write(tmp_path, "ledger", entry(2, "second", run="r1"), "not of the log", entry(4, "fourth", "debug"))
    return tmp_path


def shown(state, *options):
    done = CliRunner().invoke(app, ["--state", str(state), "logs", *options])
    return done.exit_code, done.output


def messages(state, *options):
    _, text = shown(state, "--json", *options)
    return [json.loads(line)["message"] if line.startswith("{") else line for line in text.splitlines()]


def test_lines_of_all_services_are_in_order_of_time(state) -> None:
    assert messages(state) == ["first", "second", "not of the log", "third"]
    assert messages(state, "--level", "debug")[-1] == "fourth"


def test_a_service_a_level_and_a_run_filter_them(state) -> None:
    assert messages(state, "-s", "market") == ["first", "third"]
    assert messages(state, "--level", "warning") == ["not of the log", "third"]
    assert messages(state, "--run", "r1") == ["first", "second"]


def test_for_people_a_line_names_its_service(state) -> None:
    _, text = shown(state, "-s", "ledger", "--run", "r1")

    assert text == "2026-01-01T00:00:02.000000 info    ledger    second  run=r1\n"


@pytest.mark.parametrize(
    ("options", "reason"),
    [(("-s", "clock"), "there is no log of clock"), (("--level", "loud"), "'loud' is not one of 'debug'")],
)
def test_what_there_is_not_is_named(state, options, reason) -> None:
    code, text = shown(state, *options)

    assert code
    assert reason in text


def test_without_logs_it_says_who_writes_them(tmp_path) -> None:
    assert "--spread" in shown(tmp_path)[1]


def test_new_lines_are_read_once_and_whole(state) -> None:
    found = ServiceLogs(state / "logs", ["market"])
    found.new_lines()
    with (state / "logs" / "market.log").open("a") as file:
        file.write(json.dumps(entry(5, "fifth")) + "\n" + '{"message": "ha')
    once = [line.fields["message"] for line in found.new_lines()]
    write(state, "market", 'lf"}')

    assert once == ["fifth"]
    assert [line.fields["message"] for line in found.new_lines()] == ["half"]


def rotate(state):
    """Begin a new file of the market's log, as services do."""
    handler = RotatingFileHandler(state / "logs" / "market.log", backupCount=3)
    handler.doRollover()
    handler.close()


def test_older_files_of_a_log_are_read_too_oldest_first(state) -> None:
    for number in (1, 2):
        rotate(state)
        write(state, "market", entry(number + 4, f"after {number}", run="r3"))

    assert messages(state, "-s", "market") == ["first", "third", "after 1", "after 2"]


def test_what_is_written_around_a_rotation_is_read_once(state) -> None:
    found = ServiceLogs(state / "logs", ["market"])
    found.new_lines()
    write(state, "market", entry(5, "before"))
    rotate(state)
    write(state, "market", entry(6, "after"))

    assert [line.fields["message"] for line in found.new_lines()] == ["before", "after"]
    assert found.new_lines() == []


def test_a_log_that_was_emptied_is_read_from_its_start(state) -> None:
    found = ServiceLogs(state / "logs", ["market"])
    found.new_lines()
    (state / "logs" / "market.log").write_text("")
    write(state, "market", entry(5, "new"))

    assert [line.fields["message"] for line in found.new_lines()] == ["new"]
