"""`econsim bench` in memory: exit codes, tables, records; nothing starts for bad input."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from bench_builders import HALTS, NO_TRADES, TRADES
from typer.testing import CliRunner

from econsim.cli import app
from econsim.cli.bench_options import agent_command
from econsim.errors import InvalidMessage
from econsim.evaluation.bench.seeds import parse_seeds

ANYTHING = {
    "form": "at_most",
    "name": "anything goes",
    "event": {"type": "market.trade_executed"},
    "times": 1_000,
}

MARKET = """
name = "{name}"
[clock]
periods = 1
ticks_per_period = 20
[[markets]]
resource = "good"
[[agents]]
name = "buyer"
policy = "zi_c"
count = 4
roles = [{{ resource = "good", side = "bid", first = 3.0, last = 1.0 }}]
[[agents]]
name = "seller"
policy = "zi_c"
count = 4
roles = [{{ resource = "good", side = "ask", first = 1.0, last = 3.0 }}]
"""


def expectation(form) -> str:
    """Return an expectation as a table of a scenario file."""

    def value(each):
        if isinstance(each, dict):
            return "{ " + ", ".join(f"{name} = {value(found)}" for name, found in each.items()) + " }"
        return json.dumps(each)

    return "[[expectations]]\n" + "".join(f"{name} = {value(found)}\n" for name, found in form.items())


@pytest.fixture
def file(tmp_path):
    def write(name, *forms):
        path = tmp_path / f"{name}.toml"
        path.write_text(MARKET.format(name=name) + "\n".join(map(expectation, forms)))
        tomllib.loads(path.read_text())
        return str(path)

    return write


@pytest.fixture
def bench(tmp_path):
    return lambda *words: CliRunner().invoke(app, ["--state", str(tmp_path / "state"), "bench", *words])


def test_all_hold_is_0_and_leaves_a_record(bench, file, tmp_path) -> None:
    ran = bench(
        "run", file("good", TRADES), "--transport", "memory", "--seeds", "1..3", "--jobs", "1", "--name", "b"
    )

    left = {path.name for path in (tmp_path / "state" / "bench" / "b").iterdir()}
    assert ran.exit_code == 0, ran.output
    assert "3 of 3 runs passed" in ran.output
    assert {
        "batch.json",
        "cells.jsonl",
        "cells.parquet",
        "verdicts.parquet",
        "periods.parquet",
        "comparison.svg",
    } < left
    assert "complete" in bench("list").output
    assert "3 of 3 runs passed" in bench("show", "b").output


@pytest.mark.parametrize(("form", "outcome"), [(NO_TRADES, "fails"), (HALTS, "vacuous")])
def test_a_failure_and_a_vacuous_expectation_are_1_and_show_their_witness(
    bench, file, tmp_path, form, outcome
) -> None:
    out = tmp_path / "out.json"

    ran = bench("run", file("good", form), "--transport", "memory", "--jobs", "1", "--json", str(out))

    written = json.loads(out.read_text())
    assert ran.exit_code == 1
    assert outcome in ran.output
    assert not written["passed"]
    assert written["expectations"][0]["outcomes"] == {outcome: 1}
    assert written["cells"][0]["verdicts"][0]["lines"][0] in ran.output.replace("\n", "")


def test_the_witness_of_a_run_in_memory_is_shown_once_the_run_was_made_again(bench, file, tmp_path) -> None:
    def econsim(*words):
        return CliRunner().invoke(app, ["--state", str(tmp_path / "state"), *words])

    told = bench(
        "run", file("good", NO_TRADES), "--transport", "memory", "--jobs", "1", "--name", "b"
    ).output.splitlines()
    commands = (
        next(line for line in told if line.startswith(f"  econsim {word} ")) for word in ("run", "why")
    )
    again, why = (line.split()[1:] for line in commands)

    econsim(*again, "--no-report")

    assert "▶ trade_executed" in econsim(*why).output


def test_a_second_batch_of_a_name_is_refused(bench, file) -> None:
    words = ("run", file("good", TRADES), "--transport", "memory", "--jobs", "1", "--name", "b")
    bench(*words)

    again = bench(*words)

    assert again.exit_code == 2
    assert "there is a batch 'b' already" in again.output


def test_a_name_of_an_unfinished_batch_is_refused_with_the_command_that_resumes_it(
    bench, file, tmp_path
) -> None:
    words = ("run", file("good", TRADES), "--transport", "memory", "--jobs", "1", "--name", "b")
    bench(*words)
    (tmp_path / "state" / "bench" / "b" / "cells.jsonl").unlink()

    again = bench(*words)

    assert again.exit_code == 2
    assert "`econsim bench resume b` finishes it" in " ".join(again.output.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.toml"], "neither a file nor a shipped scenario"),
        (["{bare}"], "has no expectation"),
        (["{good}", "{good}"], "two of the scenarios are called 'good'"),
        (["{good}", "--seeds", "5..1"], "names no seeds"),
        (["{good}", "--name", "x" * 45], "is too long"),
        (["{good}", "--agent", "ana=python"], "use --transport nats"),
        (["{good}", "--nats", "nats://127.0.0.1:1"], "does nothing with --transport memory"),
        (["{state}"], "there is no scenario in the directory"),
    ],
)
def test_bad_input_is_2_and_leaves_nothing(bench, file, tmp_path, words, said) -> None:
    (tmp_path / "empty").mkdir()
    named = {"good": file("good", TRADES), "bare": file("bare"), "state": str(tmp_path / "empty")}

    ran = bench("run", "--transport", "memory", *(word.format(**named) for word in words))

    assert ran.exit_code == 2, ran.output
    assert said in " ".join(ran.output.split())
    assert not (tmp_path / "state" / "bench").exists()


def test_an_agent_that_a_scenario_does_not_know_is_refused_before_a_server_starts(
    bench, file, tmp_path
) -> None:
    ran = bench("run", file("good", TRADES), "--agent", "ana=python bot.py")

    assert ran.exit_code == 2
    assert "'ana' is no external agent of scenario 'good'; it has none" in " ".join(ran.output.split())
    assert not (tmp_path / "state" / "nats").exists()


def test_a_directory_is_a_batch_of_its_scenarios_which_can_be_compared(bench, file, tmp_path) -> None:
    file("one", TRADES), file("two", TRADES)

    ran = bench(
        "run", str(tmp_path), "--transport", "memory", "--seeds", "1..3", "--jobs", "1", "--name", "b"
    )
    compared = bench("compare", "b", "--image", str(tmp_path / "out.svg"))

    assert ran.exit_code == 0, ran.output
    assert "two minus one, on 3 seeds that both have" in compared.output
    assert (tmp_path / "out.svg").read_text().startswith("<svg")


def test_two_batches_of_equal_runs_do_not_differ(bench, file) -> None:
    for name, seeds_of_it in (("before", "1..3"), ("after", "1..3"), ("other", "2..4")):
        batch = ("--transport", "memory", "--jobs", "1", "--seeds", seeds_of_it, "--name", name)
        bench("run", file("good", TRADES), *batch)

    equal = bench("compare", "before", "after")
    shifted = bench("compare", "before", "other")

    assert "after minus before, on 3 seeds that both have" in equal.output
    assert "other minus before, on 2 seeds that both have" in shifted.output
    assert {line.split()[-1] for line in equal.output.splitlines() if line.startswith("  good ")} == {"0"}


def test_a_difference_is_the_second_less_the_first(bench, file) -> None:
    dear = Path(file("dear", TRADES))
    dear.write_text(dear.read_text().replace("= 3.0", "= 6.0"))
    for name, scenario in (("before", file("good", TRADES)), ("after", str(dear))):
        bench("run", scenario, "--transport", "memory", "--jobs", "1", "--seeds", "1..3", "--name", name)

    found = bench("compare", "before", "after")

    (price,) = (line for line in found.output.splitlines() if "good price" in line)
    before, after, difference = map(float, price.split("±")[0].split()[-3:])
    assert after > before
    assert difference == pytest.approx(after - before, abs=0.02)


def test_measures_that_cannot_be_compared_are_named_and_those_shown_have_their_units(bench, file) -> None:
    cloth = Path(file("cloth", TRADES))
    cloth.write_text(cloth.read_text().replace('"good"', '"cloth"'))
    for name, scenario in (("before", file("good", TRADES)), ("after", str(cloth))):
        ran = bench(
            "run", scenario, "--transport", "memory", "--jobs", "1", "--seeds", "1..2", "--name", name
        )

    found = bench("compare", "before", "after").output

    assert "not compared, because only before has: good efficiency, good alpha, good price" in found
    assert "not compared, because only after has: cloth efficiency, cloth alpha" in found
    assert "efficiency, %" in found
    assert "cloth price, credits" in ran.output


def test_an_audit_ends_with_1_and_names_what_no_mutant_breaks(bench, file) -> None:
    sound = bench("audit", file("good", TRADES))
    empty = bench("audit", file("good", TRADES, ANYTHING))

    assert sound.exit_code == 0, sound.output
    assert "every expectation can be broken" in sound.output
    assert empty.exit_code == 1
    assert "no mutant breaks anything goes" in " ".join(empty.output.split())


@pytest.mark.parametrize(("text", "found"), [("7", (7,)), ("1..3", (1, 2, 3)), ("5,1..2", (5, 1, 2))])
def test_seeds_are_numbers_and_ranges(text, found) -> None:
    assert parse_seeds(text) == found


@pytest.mark.parametrize("text", ["", "a", "1..", "3..1", "1;2", "-1", "٣"])
def test_what_names_no_seeds_is_refused(text) -> None:
    with pytest.raises(InvalidMessage, match="names no seeds"):
        parse_seeds(text)


def test_too_many_seeds_are_refused_with_the_limit() -> None:
    with pytest.raises(InvalidMessage, match="more than 1,000,000 seeds"):
        parse_seeds("1..1000000000")


def test_a_seed_named_twice_is_refused() -> None:
    with pytest.raises(InvalidMessage, match="names seed 5 twice"):
        parse_seeds("5,1..7")


def test_an_agent_is_a_name_and_a_command() -> None:
    assert agent_command("ana=python 'my bot.py'") == ("ana", ("python", "my bot.py"))
    with pytest.raises(InvalidMessage, match="starts no agent"):
        agent_command("ana")


def test_a_broken_batch_is_told_in_a_line_and_the_others_are_listed(bench, file, tmp_path) -> None:
    for name in ("good", "torn"):
        bench("run", file("good", TRADES), "--transport", "memory", "--jobs", "1", "--name", name)
    (tmp_path / "state" / "bench" / "torn" / "batch.json").write_text("{")

    listed = bench("list")

    assert listed.exit_code == 0, listed.output
    assert "complete" in listed.stdout
    assert "torn/batch.json is no record of a batch" in " ".join(listed.stderr.split())
    assert "run the batch again" in " ".join(listed.stderr.split())


def test_a_batch_that_is_stopped_says_how_to_go_on(bench, file, monkeypatch) -> None:
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("econsim.evaluation.bench.batch.run_in_memory", stop)

    ran = bench("run", file("good", TRADES), "--transport", "memory", "--name", "b")

    assert ran.exit_code == 130
    assert "`econsim bench resume b` runs the rest" in ran.output


@pytest.mark.parametrize("name", ["verdicts.parquet", "comparison.svg"])
def test_a_file_that_cannot_be_written_is_named_with_the_command_that_goes_on(
    bench, file, tmp_path, name
) -> None:
    path = tmp_path / "state" / "bench" / "b"
    bench("run", file("good", TRADES), "--transport", "memory", "--jobs", "1", "--name", "b")
    (path / name).unlink()
    (path / name).symlink_to("/dev/full")

    ran = bench("resume", "b", "--jobs", "1")

    assert ran.exit_code == 1
    assert f"cannot write {path / name}: " in " ".join(ran.output.split())
    assert "make room, then `econsim bench resume b`" in " ".join(ran.output.split())
