#!/usr/bin/env bash
# SALib 1.6.0 with numpy 2.4.6: whether results that were sampled one way and analysed another are refused depends on the number of
# parameters.
# Guess: `sobol.analyze` knows the rows that it was given, or refuses them: its error says that calc_second_order must be that
# of the sampling.
# Seen: a sample made as it comes, analysed with `calc_second_order=False` by somebody who needs no second order, is refused
# with three parameters; with two or six the rows are taken for others, and the parameter that makes 99 % of the variance gets a
# first-order index of -0.33 or -0.14, another one 0.51 or 0.84. Only the number of rows is looked at.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq SALib==1.6.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
"$folder/venv/bin/python" -W error - <<'PY'
from importlib import metadata

from SALib.analyze import sobol
from SALib.sample import sobol as saltelli

print("SALib", metadata.version("SALib"))


def indices(parameters, **options):
    problem = {
        "num_vars": parameters,
        "names": [f"p{number}" for number in range(parameters)],
        "bounds": [[0, 1]] * parameters,
    }
    sample = saltelli.sample(problem, 1024, seed=1)
    return sobol.analyze(problem, 10 * sample[:, 0] + sample[:, 1], seed=1, **options)["S1"].round(2).tolist()


for parameters in (2, 3, 6):
    right = indices(parameters)
    try:
        wrong = indices(parameters, calc_second_order=False)
    except RuntimeError:
        wrong = "refused"
    print(parameters, "parameters:", right, "with calc_second_order=False:", wrong)
    assert right[0] == 0.99
    assert (wrong == "refused") is (parameters == 3)
    assert parameters == 3 or (wrong[0] < 0 < 0.5 < max(wrong[1:]))
PY
