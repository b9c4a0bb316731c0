#!/usr/bin/env bash
# gymnasium 1.4.0: two Dict spaces that are equal flatten the same observation into different vectors.
# Guess: spaces that compare equal are interchangeable: same flat vector, same samples for the same seed.
# Seen: `Dict({"price": …, "agent": …})` sorts its keys; `Dict(price=…, agent=…)` and an OrderedDict keep them as written. `==`
# says that the spaces are equal, but `flatten` puts price last in one and first in the other, and the same seed samples
# other values. A policy trained on one and run on the other reads its columns in the wrong order, and no shape differs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq gymnasium==1.4.0 numpy==2.3.5
"$folder/venv/bin/python" -W error - <<'PY'
import gymnasium
import numpy
from gymnasium.spaces import Box, Dict, Discrete, flatten, flatten_space

parts = {"price": Box(0.0, 9.0, (1,), numpy.float64), "agent": Discrete(2)}
of_a_dict, of_keywords = Dict(parts), Dict(**parts)
observation = {"price": numpy.array([7.0]), "agent": numpy.int64(1)}
flat = [flatten(space, observation).tolist() for space in (of_a_dict, of_keywords)]
samples = []
for space in (of_a_dict, of_keywords):
    space.seed(1)
    samples.append(float(space.sample()["price"][0]))

print("gymnasium", gymnasium.__version__, "equal:", of_a_dict == of_keywords)
print("flat:", *flat)
print("sampled price:", *samples)
assert of_a_dict == of_keywords
assert flatten_space(of_a_dict).shape == flatten_space(of_keywords).shape
assert flat == [[0.0, 1.0, 7.0], [7.0, 0.0, 1.0]], flat
assert samples[0] != samples[1], samples
PY
