# syntax=docker/dockerfile:1
# Obzvon's image: Airflow's own base, and in /opt/venv exactly what requirements.txt and deploy/requirements.txt lock.
#
# The slim base brings what the operating system must have (Python, libpq, dumb-init, Airflow's entrypoint) and no
# compiler. Its own Airflow is left aside: PATH leads to /opt/venv first, so nothing runs that is not in the lock.
# A digest is firmer than a tag: BASE=apache/airflow@sha256:… once you have looked at it.
ARG BASE=apache/airflow:slim-3.3.2-python3.12

FROM ${BASE} AS build
# nothing of this stage is run later
# hadolint ignore=DL3002,DL3066
USER root
# PIP_USER comes from the base and would lead pip out of the virtual environment
ENV PIP_USER=false PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt/obzvon
COPY requirements.txt ./
COPY deploy/requirements.txt deploy/
COPY scripts/uv.txt scripts/
COPY deploy/image/install.sh deploy/image/
RUN sh deploy/image/install.sh packages /opt/venv
COPY pyproject.toml README.md ./
COPY include include/
COPY plugins plugins/
RUN sh deploy/image/install.sh project /opt/venv

FROM ${BASE} AS image
# hadolint ignore=DL3066
USER root
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/obzvon /opt/obzvon
COPY config /opt/airflow/config/
COPY dags /opt/airflow/dags/
COPY deploy/init /opt/obzvon/deploy/init/
COPY deploy/sandbox /opt/obzvon/deploy/sandbox/
COPY deploy/make_secrets.py /opt/obzvon/deploy/
COPY deploy/image/with-secrets.sh deploy/image/alive.py /opt/obzvon/deploy/image/
# what a new volume takes its owner from
RUN install -d -o airflow -g root -m 0775 /opt/airflow/logs /var/lib/obzvon
ENV PATH=/opt/venv/bin:${PATH} \
    VIRTUAL_ENV=/opt/venv \
    OBZVON_ROOT=/opt/obzvon \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/airflow/dags
WORKDIR /opt/airflow
# Airflow's user in the base; group 0 owns what may be written, and nothing else is writable
USER 50000:0
