"""What Airflow is taught: connection types, hooks, operators, sensors, triggers."""
