"""Have a policy of your own play as an external agent: `python examples/e09_play_a_policy.py RUN NAME SCENARIO`."""

import asyncio
import sys

from policies.patient import Patient

import econsim
from econsim.agents import play
from econsim.errors import EconsimError

if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python e09_play_a_policy.py RUN NAME SCENARIO")
    run, name, scenario = sys.argv[1:]
    try:
        earned = asyncio.run(play(Patient(), run, name, econsim.load(scenario).definition))
    except EconsimError as error:
        sys.exit(str(error))
    print(f"earned {earned:.2f} credits")
