#!/usr/bin/env bash
# numpy-financial 1.0.0, pyxirr 0.10.8: one stream of payments, two internal rates of return.
# Guess: two libraries for the same measure of Excel agree, or refuse payments whose sign turns twice.
# Seen: for -1 000, 2 500, -1 540 the one says 10 % and the other 40 %, both are roots; for -1 600, 10 000, -10 000 they say 25 % and 400 %.
# Neither warns. A project is above or below a hurdle of 20 % by the library alone. `nper` differs by its sign, too, at a rate of 0. Use the net present value at a
# stated rate where signs turn more than once.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq numpy-financial==1.0.0 pyxirr==0.10.8
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy_financial
import pyxirr

print({name: version(name) for name in ("numpy-financial", "pyxirr")})
for payments, expected in (
    ([-1_000, 2_500, -1_540], (0.1, 0.4)),
    ([-1_600, 10_000, -10_000], (0.25, 4.0)),
    ([-1_000, 1_100], (0.1, 0.1)),
):
    found = round(float(numpy_financial.irr(payments)), 9), round(pyxirr.irr(payments), 9)
    values = [round(float(numpy_financial.npv(rate, payments)), 6) + 0 for rate in found]
    print(payments, "numpy-financial and pyxirr:", *found, "net present values there:", *values)
    assert found == expected
    assert values == [0, 0]
periods = float(numpy_financial.nper(0.0, -100, 1_000)), pyxirr.nper(0.0, -100, 1_000)
print("periods that repay 1 000 by 100 each without interest:", *periods)
assert periods[0] == -periods[1]
PY
