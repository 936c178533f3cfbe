"""The pages for analysts inside the Airflow UI: campaigns, one campaign, best time, data health. Marts only."""
