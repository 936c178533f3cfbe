"""The parts of the plan stage: staging, decisions, stop rules, storing, summary."""
