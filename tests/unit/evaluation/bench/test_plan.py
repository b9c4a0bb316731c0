"""The plan of a batch: every treatment with every seed, so many times, each under an id of its own."""

from bench_builders import plan, treatment

from econsim.evaluation.bench.plan import BATCH_LENGTH_MAX, CELLS_MAX, make_plan, scenario_of
from econsim.schemas.types import NAME_LENGTH_MAX


def test_every_treatment_runs_with_every_seed_so_many_times() -> None:
    made = make_plan("b", [treatment("one"), treatment("two")], (3, 5), 2)

    assert [(cell.treatment, cell.seed, cell.repeat) for cell in made.cells] == [
        *(("one", seed, repeat) for repeat in (1, 2) for seed in (3, 5)),
        *(("two", seed, repeat) for repeat in (1, 2) for seed in (3, 5)),
    ]
    assert [cell.number for cell in made.cells] == [*range(1, 9)]


def test_every_run_has_an_id_that_fits_even_the_last_of_the_longest_batch() -> None:
    made = plan(batch="x" * BATCH_LENGTH_MAX)
    last = made.cells[0].model_copy(update={"number": CELLS_MAX})

    assert len({cell.run("b") for cell in made.cells}) == len(made.cells)
    assert len(last.run(made.batch)) == NAME_LENGTH_MAX


def test_the_first_seed_is_hashed_in_every_repeat_and_all_seeds_if_asked() -> None:
    few = make_plan("b", [treatment()], (3, 5), 2)
    every = make_plan("b", [treatment()], (3, 5), 2, hash_all=True)

    assert [cell.seed for cell in few.cells if cell.hashed] == [3, 3]
    assert all(cell.hashed for cell in every.cells)


def test_without_seeds_a_scenario_has_its_own() -> None:
    made = make_plan("b", [treatment(seed=42)])

    assert [cell.seed for cell in made.cells] == [42]
    assert scenario_of(made.treatments[0].scenario, 7).seed == 7
