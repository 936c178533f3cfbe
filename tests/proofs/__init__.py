"""Proofs over sandbox, ledger and warehouse: random campaigns against an oracle, races of plans, opt-outs in time.

The sandbox's journal of dials is the judge of who was called; the oracle (`rules.py`) is plain Python that shares no
code with the plan. Everything is drawn from a seed, so whatever is found can be played again alone.
"""
