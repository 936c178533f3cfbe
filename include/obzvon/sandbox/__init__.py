"""The three vendors as one local HTTP server: `python -m obzvon.sandbox --port 0 --state DIR`.

server/app        one FastAPI application, one process, state in SQLite under DIR
dialog twin qolio the vendors' real paths under /dialog, /twin, /qolio, as strict as their documents read
dialing fates     what happens to a campaign: deterministic from the seed, on an accelerated clock of its own
journal faults    every request and every dial written down; fault scripts; admin paths under /_sandbox
process           `running_sandbox()` for tests and the local stack
"""
