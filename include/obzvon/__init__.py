"""Outbound voice-bot campaigns: what the domain knows. Imports no Airflow."""

__version__ = "0.1.0"
