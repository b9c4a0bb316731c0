#!/usr/bin/env bash
# POT 0.9.7.post1 with numpy 2.4.6: the distance between any two samples of whole numbers is nought.
# Guess: integers are samples like floats, or refused; `emd`, of the same library, warns that integers lose precision.
# Seen: `wasserstein_1d` of 1, 2, 3 and 101, 202, 303 is 0, as floats it is 200: the weights of a third take the type of the samples, and are 0.
# `emd_1d` moves nothing, its plan is all zeros, though it was given weights as floats; `emd2_1d` of the same samples is right, and
# nothing warns. Prices in ticks and wealth in cents are such samples: a simulation that is fitted to data by this distance fits perfectly at once.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq POT==0.9.7.post1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib import metadata

import numpy as np
import ot

print("POT", metadata.version("POT"), "numpy", np.__version__)
warnings.simplefilter("error")
simulated, observed, weights = np.array([1, 2, 3]), np.array([101, 202, 303]), np.array([0.2, 0.3, 0.5])
found = {}
for kind in (int, float):
    samples = simulated.astype(kind), observed.astype(kind)
    plan = ot.emd_1d(*samples, weights, weights)
    found[kind] = [round(float(each), 6) for each in (ot.wasserstein_1d(*samples), ot.emd2_1d(*samples, metric="euclidean"), plan.sum())]
    print(f"as {kind.__name__}: wasserstein_1d, emd2_1d, sum of emd_1d", *found[kind])
assert found[int] == [0, 200, 0], found
assert found[float] == [200, 200, 1], found
PY
