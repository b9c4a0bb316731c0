#!/usr/bin/env bash
# scikit-bio 0.7.4 with numpy 2.4.6: the Gini index of an unequal economy is nought.
# Guess: `gini_index([1, 2, 3, 4])` is 0.25, as other libraries have it; methods of integration differ in late digits.
# Seen: it is 0.0, and of one owner among three it is 0.33 in place of 0.67: by default the area under the Lorenz curve is made of
# rectangles that lie above it, which is far off for few agents, and what would be negative is cut to nought. With 1000 agents the
# same shape gives 0.332 in place of 0.333. `method="trapezoids"` gives the usual number; the default ranks small groups as equal.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq scikit-bio==0.7.4 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PY'
import skbio
from skbio.diversity.alpha import gini_index

print("scikit-bio", skbio.__version__)
economies = {"1 to 4": [1, 2, 3, 4], "one owner of three": [0, 0, 10], "equal": [10] * 4, "1 to 1000": list(range(1, 1001))}
found = {
    name: [round(float(gini_index(wealth, method=method)), 4) for method in ("rectangles", "trapezoids")]
    for name, wealth in economies.items()
}
for name, (rectangles, trapezoids) in found.items():
    print(f"{name}: rectangles {rectangles}, trapezoids {trapezoids}")
    assert rectangles == round(float(gini_index(economies[name])), 4)
assert found["1 to 4"] == [0, 0.25], found
assert found["one owner of three"] == [0.3333, 0.6667], found
assert found["equal"] == [0, 0], found
assert found["1 to 1000"][0] < found["1 to 1000"][1], found
PY
