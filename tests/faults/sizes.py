"""How much the slow tests of this folder play: a little in `make test`, everything in `make faults`.

With `OBZVON_FAULT_SEQUENCES=500` in the environment, test_sequences.py plays 500 random sequences and
test_delivery_killed.py delivers 10,000 calls.
"""

from __future__ import annotations

import os

VARIABLE = "OBZVON_FAULT_SEQUENCES"
WHOLE = VARIABLE in os.environ
SEQUENCES = int(os.environ.get(VARIABLE, "8"))
#: Calls to deliver, and how many Qolio has when the worker is killed.
CALLS, KILLED_AT = (10_000, 7_000) if WHOLE else (1_000, 700)
