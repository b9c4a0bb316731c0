#!/usr/bin/env bash
# PuLP 3.3.2 with HiGHS 1.16.0 (highspy) and the CBC of cbcbox 2.935: the price of a scarce good is 3 with one solver and -3 with the other.
# Guess: `constraint.pi` of one program is one number, whichever solver PuLP hands it to, as the objective is; where conventions differ, PuLP evens them out.
# Seen: where a profit is maximised, CBC gives 3 for one more unit of the limit and 2 for the reduced cost of a good, HiGHS -3 and -2; the objective is 56
# with both. Where a cost is minimised both give 5. So a market whose prices are the duals of its clearing has negative ones after a change of
# solver, and tests on a minimisation do not notice. State the clearing as a minimisation, or check the sign by one more unit of the limit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pulp==3.3.2 cbcbox==2.935 highspy==1.16.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PY'
from importlib import metadata

import pulp

print("PuLP", metadata.version("pulp"), "highspy", metadata.version("highspy"))


def solved(name, sense, limit=12):
    """Return the objective, the price of the limit and the reduced cost of the first good."""
    problem = pulp.LpProblem("market", sense)
    first, second = pulp.LpVariable("first", 0, 10), pulp.LpVariable("second", 0, 10)
    problem += 5 * first + 3 * second
    both = first + second
    problem += (both <= limit if sense == pulp.LpMaximize else both >= limit), "limit"
    assert problem.solve(pulp.getSolver(name, msg=False)) == pulp.LpStatusOptimal
    return pulp.value(problem.objective), problem.constraints["limit"].pi, first.dj


found = {}
for sense in (pulp.LpMaximize, pulp.LpMinimize):
    for name in ("PULP_CBC_CMD", "HiGHS"):
        found[sense, name] = solved(name, sense)
        print(pulp.LpSenses[sense], name, "objective, price, reduced cost:", *found[sense, name])
assert found[pulp.LpMaximize, "PULP_CBC_CMD"] == (56, 3, 2)
assert found[pulp.LpMaximize, "HiGHS"] == (56, -3, -2)
assert {each[:2] for (sense, _), each in found.items() if sense == pulp.LpMinimize} == {(40, 5)}
assert solved("HiGHS", pulp.LpMaximize, 13)[0] == 59
PY
