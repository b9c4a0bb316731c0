#!/usr/bin/env bash
# pysd 3.14.3 with pandas 3.0.6: a run that was asked for some years shortens all runs after it.
# Guess: `return_timestamps` chooses rows of one run's result; the next `run()` goes to the end that the model states, as the first does.
# Seen: the model's FINAL TIME is overwritten with the last of these times and stays so: a model of ten years, once asked for year 3, as when it is
# fitted to data, ends in year 3 from then on, and its savings of 8 are taken for the final 22. `final_time=12` stays for later runs, too. Nothing
# warns; the tables just have other numbers of rows. `reload=True` puts the model back, its parameters too. An end between two steps is
# passed: with a step of 3 in place of 1, the same ten years end in year 12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pysd==3.14.3 pandas==3.0.6
cat >"$folder/savings.mdl" <<'MDL'
{UTF-8}
saving = 2 ~~|
savings = INTEG(saving, 2) ~~|
FINAL TIME = 10 ~~|
INITIAL TIME = 0 ~~|
TIME STEP = 1 ~~|
SAVEPER = TIME STEP ~~|
MDL
"$folder/venv/bin/python" -W error::UserWarning - "$folder/savings.mdl" <<'PY'
import sys
from importlib import metadata

import pysd

print("pysd", metadata.version("pysd"))
model = pysd.read_vensim(sys.argv[1])


def end(label, **options):
    """Return the last time of a run, and what is saved by then."""
    last = model.run(**options).savings
    found = last.index[-1], float(last.iloc[-1])
    print(f"{label}: ends at", *found)
    return found


assert end("first") == (10, 22)
assert end("asked for year 3", return_timestamps=[3]) == (3, 8)
assert end("after that") == (3, 8)
assert end("with an end of its own", final_time=12) == (12, 26)
assert end("after that") == (12, 26)
assert end("reloaded", reload=True) == (10, 22)
assert end("with a step of 3", time_step=3, reload=True) == (12, 26)
PY
