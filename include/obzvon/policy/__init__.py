"""When and whether a person may be called; numbers live in YAML."""
