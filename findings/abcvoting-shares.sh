#!/usr/bin/env bash
# abcvoting 2.19.2: where votes are weighted by shares, a candidate whom nobody approves wins.
# Guess: weights are relative: ten votes of 1 and ten of a tenth elect the same, and a candidate without a vote is elected only if no other is left.
# Seen: Phragmén's sequential rule, for one seat, elects the candidate without a vote as soon as no candidate has a weight of a half, here the best has
# four tenths, with exact fractions and with floats; with weights of 1 the right one. Approval and proportional approval voting are right with both. Nothing
# warns. Stakes and market shares sum to 1, so this is their normal case. Scale the weights up until every candidate with a vote has at least 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq abcvoting==2.19.2
"$folder/venv/bin/python" -W ignore - <<'PY'
from fractions import Fraction
from importlib import metadata

from abcvoting import abcrules
from abcvoting.preferences import Profile, Voter

print("abcvoting", metadata.version("abcvoting"))
APPROVED = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]  # candidate 3 has no vote


def elected(rule, weight, **options):
    """Return who has the one seat, where each of ten voters has a weight."""
    profile = Profile(4)
    profile.add_voters([Voter({candidate}, weight=weight) for candidate in APPROVED])
    found = [sorted(each) for each in abcrules.compute(rule, profile, committeesize=1, **options)]
    print(rule, "with weights of", weight, options, "elects", found)
    return found


for name in ("av", "seqpav", "seqphragmen"):
    assert elected(name, 1) == [[0]]
for share in (Fraction(1, 10), 0.1):
    assert elected("av", share) == elected("seqpav", share) == [[0]]
    assert elected("seqphragmen", share, algorithm="float-fractions") == [[3]]
assert elected("seqphragmen", Fraction(1, 10), algorithm="standard-fractions") == [[3]]
assert elected("seqphragmen", Fraction(1, 4)) == [[0]]
PY
