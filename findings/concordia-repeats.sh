#!/usr/bin/env bash
# gdm-concordia 2.1.0 with pandas 3.1.1: an agent that observes the same thing twice remembers it once, unless the run was
# restored between.
# Guess: a memory bank is a list of what happened: two payments of 5 credits, told in the same words, are two memories; and a
# bank restored from its state goes on as it would have.
# Seen: the second is dropped, and memories carry no time, so an agent that counts its sales from memory counts kinds of sale. What is
# known is kept as Python's own hash of the text, which differs from process to process: a bank that is restored in another process
# takes the same text once more. A run with a checkpoint and one without therefore give agents other prompts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq numpy==2.4.6 pandas==3.1.1
"$folder/venv/bin/pip" install -qq --no-deps gdm-concordia==2.1.0
cat >"$folder/remember.py" <<'PY'
import json
import sys
from importlib import metadata
from pathlib import Path

import numpy
from concordia.associative_memory.basic_associative_memory import AssociativeMemoryBank

state = Path(sys.argv[1])
bank = AssociativeMemoryBank(lambda text: numpy.array([len(text), text.count("5")], dtype=float))
if state.exists():
    bank.set_state(json.loads(state.read_text()))
else:
    print("gdm-concordia", metadata.version("gdm-concordia"))
    for text in ("You sold wheat for 5 credits.", "You sold wheat for 5 credits.", "You bought oats."):
        bank.add(text)
    state.write_text(json.dumps(bank.get_state()))
bank.add("You sold wheat for 5 credits.")
memories = bank.get_all_memories_as_text()
print(len(memories), "memories:", memories)
assert len(memories) == int(sys.argv[2]), memories
PY
cd "$folder"
echo "three observations and one more, in one process:"
PYTHONHASHSEED=1 venv/bin/python remember.py state.json 2
echo "one more after the state was restored in another:"
PYTHONHASHSEED=2 venv/bin/python remember.py state.json 3
