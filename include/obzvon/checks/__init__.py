"""What the warehouse promises about its tables, as data: `contracts.yaml` and `statements/*.sql`.

A contract of a table is checked by one scan of it, whatever the number of its rules; a rule that compares tables is a
statement of its own. Running them and keeping the results is `obzvon.stages.checks`.
"""
