"""Who is told about alerts: mail by Airflow's own notifier, Telegram and webhooks by ours."""
