#!/usr/bin/env bash
# otree 6.0.15: the ratio of two amounts is an amount, rounded to whole points.
# Guess: amounts are rounded where they are made; what one divided by another gives is a plain number: 47 of 50 points is 0.94.
# Seen: with points, oTree's default, `cu(47) / cu(50)` is 1 point and `cu(20) / cu(50)` is 0 points. With money they are $0.94 and
# $0.40, and a third has two digits. An efficiency or a share computed from two payoffs in oTree is 0 or 1. Both have to be
# made floats before they are divided.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq otree==6.0.15
mkdir _static _templates
for points in True False; do
    cat >settings.py <<PY
SESSION_CONFIGS = []
SESSION_CONFIG_DEFAULTS = dict(real_world_currency_per_point=0.01, participation_fee=0.00, doc="")
LANGUAGE_CODE, REAL_WORLD_CURRENCY_CODE, USE_POINTS = "en", "USD", $points
ADMIN_USERNAME = ADMIN_PASSWORD = SECRET_KEY = "x"
DEMO_PAGE_INTRO_HTML = ""
PY
    venv/bin/python - "$points" <<'PY'
import sys
from importlib import metadata

from otree.api import cu

found = [str(cu(47) / cu(50)), str(cu(20) / cu(50)), str(cu(1) / cu(3))]
print("otree", metadata.version("otree"), "points" if sys.argv[1] == "True" else "money", found, float(cu(47)) / float(cu(50)))
expected = ["1 point", "0 points", "0 points"] if sys.argv[1] == "True" else ["$0.94", "$0.40", "$0.33"]
assert found == expected
PY
done
