"""What the outside sees of the work: metrics, spans and fields of log lines. Knows nothing of Airflow.

Metrics go to whatever `meter.use` was given, by default to nobody; spans to the OpenTelemetry SDK where the process has
one; fields to structlog's context, which Airflow merges into every line. No value of a label, an attribute or a field
is a phone, a name, a body or an address with its query.
"""
