"""TWIN under /twin: IAM, auto-call tasks (v1), beta tasks, candidates, analytics."""
