#!/usr/bin/env bash
# salabim 26.0.9 with numpy 2.4.6: making an environment puts Python's and numpy's global generators back to one fixed seed.
# Guess: a simulation draws from a generator of its own, or from the global one as the program has seeded it, so that
# replications that are seeded differently differ.
# Seen: `random.seed(run)` and `numpy.random.seed(run)` before `Environment()` have no effect: three replications draw the same
# numbers, from salabim's distributions, from `random` and from numpy, and with them every other library of the process
# that draws from those. The spread over a hundred runs is nought. `Environment(random_seed="")` leaves both alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq salabim==26.0.9 greenlet==3.3.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import random

import numpy
import salabim

print("salabim", salabim.__version__, "numpy", numpy.__version__)


def drawn(run, **options):
    random.seed(run)
    numpy.random.seed(run)
    salabim.Environment(**options)
    return random.random(), numpy.random.random(), salabim.Exponential(10).sample()


as_it_comes = [drawn(run) for run in range(3)]
print(*as_it_comes, sep="\n")
assert as_it_comes[0] == as_it_comes[1] == as_it_comes[2]
left_alone = [drawn(run, random_seed="") for run in range(3)]
print('with random_seed="":', *left_alone, sep="\n")
assert len({each[0] for each in left_alone}) == len({each[1] for each in left_alone}) == 3
PY
