#!/usr/bin/env bash
# OpenFisca-Core 46.0.1 with numpy 2.4.6: the wages of a year are negative.
# Guess: amounts of money are integers of 64 bits, or an overflow raises; a value that does not fit is refused however it comes.
# Seen: an `int` variable is 32 bits wide. Twelve months of 200 000 000, as a salary in rupiah or dong can be, add up to
# -1 894 967 296 with `calculate_add`; an array of 3 000 000 000 is taken as -1 294 967 296, while the same number in JSON is refused.
# A `float` has 24 bits, so a wealth of 16 777 217 is 16 777 216. What a reform costs in such a currency comes out as a gain.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq OpenFisca-Core==46.0.1 numpy==2.4.6
"$folder/venv/bin/python" -W error - <<'PY'
from importlib import metadata

import numpy
from openfisca_core.entities import SingleEntity
from openfisca_core.errors import SituationParsingError
from openfisca_core.periods import DateUnit
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

print("OpenFisca-Core", metadata.version("OpenFisca-Core"))
person = SingleEntity("person", "persons", "", "")


class wage(Variable):
    value_type = int
    entity = person
    definition_period = DateUnit.MONTH
    label = "wage of a month"


class wealth(Variable):
    value_type = float
    entity = person
    definition_period = DateUnit.MONTH
    label = "wealth at the end of a month"


system = TaxBenefitSystem([person])
system.add_variables(wage, wealth)
months = [f"2026-{month:02}" for month in range(1, 13)]
simulation = SimulationBuilder().build_default_simulation(system, count=1)
for month in months:
    simulation.set_input("wage", month, [200_000_000])
[year] = simulation.calculate_add("wage", "2026").tolist()
print("twelve wages of 200 000 000:", year)
assert year == 12 * 200_000_000 - 2**32

large = SimulationBuilder().build_default_simulation(system, count=1)
large.set_input("wage", "2026-01", numpy.array([3_000_000_000]))
[wrapped] = large.calculate("wage", "2026-01").tolist()
large.set_input("wealth", "2026-01", numpy.array([16_777_217]))
[rounded] = large.calculate("wealth", "2026-01").tolist()
print("3 000 000 000 in an array:", wrapped, "16 777 217 as a float:", rounded)
assert (wrapped, rounded) == (3_000_000_000 - 2**32, 16_777_216)
try:
    SimulationBuilder().build_from_entities(system, {"persons": {"ann": {"wage": {"2026-01": 3_000_000_000}}}})
    raise SystemExit("3 000 000 000 was taken from JSON")
except SituationParsingError:
    print("3 000 000 000 in JSON: refused")
PY
