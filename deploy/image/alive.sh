#!/bin/sh
# Exit code 0 while a part of Airflow that has no web address does its work: alive.sh TriggererJob, alive.sh worker
set -eu
case $1 in
worker)
    exec celery --app airflow.providers.celery.executors.celery_executor.app inspect ping \
        --destination "celery@$(hostname)" --timeout 15
    ;;
*) exec airflow jobs check --job-type "$1" --hostname "$(hostname)" ;;
esac
