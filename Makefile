# Every target does its own set-up. PYTHON names the interpreter the virtual environment is made from.
PYTHON ?= python3
BIN := .venv/bin
# a Python named by the caller replaces that of an existing virtual environment; the default one does not
SETUP = $(PYTHON) scripts/bootstrap.py $(if $(filter file,$(origin PYTHON)),,--exact)
MAKEFLAGS += --no-print-directory
# without bytecode on disk every process of the tests compiles the project again
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup dev demo up down status reconcile psql test e2e-celery faults proofs dashboards bench bench-full bench-memory bench-quick docs lint format types lock browser image-check chart-check fuzz-events events-load

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "%-17s %s\n", $$1, $$2}'

demo: setup ## run both demo campaigns from list to Qolio, print the reconciled summary
	@$(BIN)/python -m obzvon demo

up: setup ## start the stack and leave it running; prints the web address and the login
	@$(BIN)/python -m obzvon up

down: setup ## stop exactly what `make up` started
	@$(BIN)/python -m obzvon down

status: setup ## what runs, and where
	@$(BIN)/python -m obzvon status

reconcile: setup ## compare the sandbox journal, ledger, facts and deliveries row by row
	@$(BIN)/python -m obzvon reconcile

psql: setup ## a psql prompt on the warehouse
	@$(BIN)/python -m obzvon psql

# Most tests wait for a server more than they compute: two files at a time, and beside them the tests of whole stacks,
# one stack after the other, whose output comes last.
test: lint types browser ## linters, types and all tests
	@log=$$(mktemp); \
	{ $(BIN)/python -m pytest tests/e2e; e2e=$$?; $(BIN)/python -m pytest tests/distributed && exit $$e2e; } > $$log 2>&1 & \
	stacks=$$!; trap "pkill -P $$stacks; kill $$stacks" INT TERM; \
	$(BIN)/python -m pytest --ignore=tests/e2e --ignore=tests/distributed -n 2; others=$$?; \
	wait $$stacks; ended=$$?; cat $$log; rm $$log; test $$others -eq 0 -a $$ended -eq 0

e2e-celery: dev ## a broker, two Celery workers, triggerers and schedulers; one worker and one triggerer are killed
	@$(BIN)/python -m pytest -q -s --show-capture=no tests/distributed

faults: dev ## play every fault against the whole pipeline, write docs/faults.md
	@OBZVON_FAULT_SEQUENCES=500 $(BIN)/python -m pytest -q -s --show-capture=no \
		tests/faults/test_sequences.py tests/faults/test_delivery_killed.py
	@PYTHONPATH=tests $(BIN)/python -m faults
	@PYTHONPATH=tests $(BIN)/python -m faults.run_airflow

proofs: dev ## 1,000 random campaigns against an oracle, 200 races of two vendors, opt-outs in time
	@OBZVON_POLICY_CAMPAIGNS=1000 OBZVON_RACE_ROUNDS=200 $(BIN)/python -m pytest -q -s --show-capture=no tests/proofs

dashboards: dev ## a real Prometheus evaluates every panel of the dashboard and every alert over planted faults
	@$(BIN)/python -m pytest -q tests/watching/with_prometheus.py

bench: dev ## every benchmark beside what one would use instead, at sizes for an evening; writes docs/benchmarks.md
	@$(BIN)/python -m bench evening

bench-memory: dev ## plan and load of 10,000,000 under a limit of memory that the kernel keeps: an hour
	@$(BIN)/python -m bench memory

bench-full: dev ## every benchmark at full size, the limits of memory too: a night and more
	@$(BIN)/python -m bench all

bench-quick: dev ## every benchmark at a tiny size, once: that it runs, never how fast
	@$(BIN)/python -m bench all --quick
	@$(BIN)/python -m bench memory --quick --contacts 2000 --rows 2000

image-check: ## the image's installation without Docker, into an empty .image-check of Python 3.12: minutes
	@rm -rf .image-check .image-check.uv
	@PYTHON=$(or $(PYTHON312),python3.12) sh deploy/image/install.sh packages .image-check
	@sh deploy/image/install.sh project .image-check
	@.image-check/bin/airflow providers list --output plain | grep -c obzvon
	@rm -rf .image-check .image-check.uv

chart-check: dev ## deploy/helm/values.yaml against the schema of the chart that CHART=folder holds
	@$(BIN)/check-jsonschema --schemafile $(CHART)/values.schema.json deploy/helm/values.yaml

fuzz-events: dev ## a million random and mutated bodies of webhooks: no crash, nothing true is lost
	@OBZVON_FUZZ_EVENTS=$${OBZVON_FUZZ_EVENTS:-1000000} $(BIN)/python -m pytest -q --timeout=7200 tests/events/test_events_fuzz.py

events-load: dev ## 2,000 events a second for a minute into the warehouse: none is lost, and how soon each is a row
	@PYTHONPATH=tests:tests/events $(BIN)/python tests/events/run_load.py $(EVENTS_LOAD)

fuzz-events: dev ## a million random and mutated bodies of webhooks: no crash, nothing true is lost
	@OBZVON_FUZZ_EVENTS=$${OBZVON_FUZZ_EVENTS:-1000000} $(BIN)/python -m pytest -q --timeout=7200 tests/events/test_events_fuzz.py

events-load: dev ## 2,000 events a second for a minute into the warehouse: none is lost, and how soon each is a row
	@PYTHONPATH=tests:tests/events $(BIN)/python tests/events/run_load.py $(EVENTS_LOAD)

fuzz: dev ## a million changed reports, answers, lists and files read: OBZVON_FUZZ_BODIES for another number
	@OBZVON_FUZZ_BODIES=$${OBZVON_FUZZ_BODIES:-1000000} OBZVON_FUZZ_EXAMPLES=$${OBZVON_FUZZ_EXAMPLES:-300} \
		$(BIN)/python -m pytest -q -s --timeout=0 tests/security/test_fuzz.py tests/security/test_schemas.py

sbom: dev ## what a deployment is made of, as CycloneDX: sbom.json, the same for the same lock
	@$(BIN)/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --mc-type application \
		--output-reproducible --no-validate --of JSON -o sbom.json

# Asks PyPI for what is known against the locked versions: needs the network, and fails where it does not answer.
audit: dev ## known vulnerabilities of the locked packages
	@PATH="$(BIN):$$PATH" uv tool run --from pip-audit==2.10.1 pip-audit --strict --disable-pip --require-hashes -r requirements.txt

lint: dev ## ruff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: dev ## mypy --strict
	@$(BIN)/mypy

format: dev ## let ruff put the code in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: dev ## the pages of docs/ as a site in site/; a broken link or anchor ends it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

lock: setup ## compile requirements*.in into locked files with hashes
	@$(BIN)/python scripts/lock.py

# The tests of the pages look at them in a Chromium: the system's, else Debian's is installed.
browser: dev
	@$(BIN)/python scripts/chromium.py > /dev/null

setup:
	@$(SETUP)

dev:
	@$(SETUP) --dev
