"""The write-ahead record of every side effect: intents and their states."""
