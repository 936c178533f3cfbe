"""The local stack: embedded PostgreSQL, Airflow, sandbox, demo."""
