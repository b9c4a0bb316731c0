#!/usr/bin/env bash
# quantstats 0.0.86 with pandas 3.1.1: a series of returns with one above 100 % and none below zero is taken for prices.
# Guess: functions of returns take returns, whatever their size; six days without a loss have no drawdown.
# Seen: some functions guess from the numbers (none negative, one above 1) that they were given prices, and compute the
# changes of the returns: `max_drawdown` is -100 %, `cagr` -100 %, `win_rate` 50 %, while `comp`, which does not guess, says
# +372 %. With 0.9 in place of 1.5 the same functions say 0, a gain, and 100 %. Young markets of agents have such ticks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq quantstats==0.0.86 pandas==3.1.1
"$folder/venv/bin/python" -W ignore - <<'PY'
from importlib import metadata

import pandas
from quantstats import stats

print("quantstats", metadata.version("quantstats"), "pandas", pandas.__version__)
days = pandas.date_range("2026-01-01", periods=6)


def figures(best):
    """Return drawdown, yearly growth, share of days won and total gain of six days without a loss."""
    returns = pandas.Series([0.1, 0.2, 0.0, 0.3, best, 0.1], days)
    found = [float(f(returns)) for f in (stats.max_drawdown, stats.cagr, stats.win_rate, stats.comp)]
    print(f"best day {best:+.0%}: drawdown {found[0]:.0%}, cagr {found[1]:.3g}, days won {found[2]:.0%}, total {found[3]:+.0%}")
    return found


drawdown, growth, gains, total = figures(0.9)
assert drawdown == 0 and growth > 1 and gains == 1 and total > 2
drawdown, growth, gains, total = figures(1.5)
assert drawdown == -1 and growth == -1 and gains < 1 and total > 3
PY
