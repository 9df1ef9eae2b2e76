# Each target is one command; `make` alone lists them. Everything is installed into .venv from requirements.lock,
# once for each change of it. Variables: PYTHON, VENV, HOST, PORT, SHARED, CEPH, WEIGHTS_MIRROR, ARGS (more for pytest).

PYTHON ?= python3
VENV ?= .venv
# Real pictures and model files, where a machine has them: nothing needs them to be there.
SHARED ?= ../shared
CEPH ?= $(SHARED)/tools/s3_ceph.sh
WEIGHTS_MIRROR ?= $(wildcard $(SHARED)/data/weights)

RUN := $(VENV)/bin/python -m
ADVISORIES := https://osv.dev
PIP := $(RUN) pip --disable-pip-version-check -qq

# The tests start hundreds of programs: what is compiled stays, whatever the shell wishes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-quick test-servers test-ceph test-containers test-faults test-cluster fuzz coverage check bench bench-peers bench-db bench-batches bench-memory bench-capacity bench-privacy bench-video screenshots clients docs format lock hashes install-hashed sbom licences audit weights clean
.DEFAULT_GOAL := help

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

run: $(VENV)/.for-run ## Start the whole service on http://127.0.0.1:8000 (HOST and PORT change that)
	@exec $(RUN) admin up --weights-mirror "$(WEIGHTS_MIRROR)"

test: $(VENV)/.for-test ## Run all tests in several processes (ARGS="-k mask" runs some, ARGS="-n 0" all in one)
	@echo "running all tests$(if $(wildcard $(SHARED)), with the real pictures and model files of $(SHARED))"
	@exec $(RUN) pytest -n auto $(if $(wildcard $(SHARED)),--shared="$(SHARED)") $(ARGS)

# What needs a whole service is all of these folders; elsewhere a test is marked (tests/markers.py).
SERVED := contract e2e faults integration

test-quick: $(VENV)/.for-test ## Run what needs no server, Postgres, S3 or browser, and takes no seconds (a minute)
	@exec $(RUN) pytest -n auto $(if $(wildcard $(SHARED)),--shared="$(SHARED)") \
		-m "not servers and not slow" $(SERVED:%=--ignore=tests/%) $(ARGS)

test-servers: $(VENV)/.for-test ## Run what touches database and store against a Postgres and a Swift
	@exec $(RUN) pytest $(if $(wildcard $(SHARED)),--shared="$(SHARED)") --tiers servers tests/contract tests/integration $(ARGS)

test-ceph: $(VENV)/.for-test ## Run what touches the store against a Ceph gateway (CEPH=... runs one)
	@test -f "$(CEPH)" || { echo "there is no $(CEPH): CEPH= names a script that runs a Ceph gateway"; exit 1; }
	@exec $(RUN) pytest --shared="$(SHARED)" --tiers servers --ceph "$(CEPH)" tests/core/storage \
		tests/contract/test_admin_records.py tests/contract/test_admin_objects.py \
		tests/integration/test_keeping.py tests/integration/test_kills.py $(ARGS)

test-containers: $(VENV)/.for-test ## Run compose.yml under a Docker Engine of the tests' own (root, Debian 12; 6 GB; cold 10 minutes)
	@exec $(RUN) tests.containers $(ARGS)

test-faults: $(VENV)/.for-test ## Kill, stop, slow and attack everything under load, and write docs/reliability.md (Postgres, Swift; an hour)
	@$(RUN) pytest $(if $(wildcard $(SHARED)),--shared="$(SHARED)") --faults full tests/faults tests/fuzz $(ARGS); \
		status=$$?; $(RUN) tests.faults.reliability; exit $$status

test-cluster: $(VENV)/.for-test ## Cut and kill machines under load, which are network namespaces, and write docs/reliability.md (4 minutes)
	@$(RUN) tests.cluster $(if $(wildcard $(SHARED)),--shared="$(SHARED)") $(ARGS); \
		status=$$?; $(RUN) tests.faults.reliability; exit $$status

fuzz: $(VENV)/.for-fuzz ## Mutate pictures of each format for a minute, guided by what the readers run (ARGS="heif --seconds 600")
	@exec $(RUN) tests.fuzz $(if $(wildcard $(SHARED)),--shared="$(SHARED)") $(ARGS)

coverage: $(VENV)/.for-test ## Run all tests and show how much of each package they run (twice as long as make test)
	@rm -rf build/coverage && mkdir -p build/coverage
	@COVERAGE_FILE="$(CURDIR)/build/coverage/data" $(RUN) coverage run -m pytest -n auto \
		$(if $(wildcard $(SHARED)),--shared="$(SHARED)") $(ARGS) || echo "some tests failed; what they ran counts"
	@$(RUN) coverage combine --quiet --data-file=build/coverage/data
	@$(RUN) coverage json --quiet --data-file=build/coverage/data -o build/coverage/report.json
	@$(RUN) tests.coverage_table build/coverage/report.json

check: $(VENV)/.for-dev ## Check style, format and types
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy

bench: $(VENV)/.for-test ## Measure calls, batches, storage and curves, and write docs/performance.md (15 minutes)
	@exec $(RUN) tests.bench.performance $(if $(wildcard $(SHARED)),--shared="$(SHARED)") $(ARGS)

bench-peers: $(VENV)/.for-test ## Measure the service beside InsightFace and deface, and write docs/performance.md (10 minutes)
	@exec $(RUN) tests.bench.peers $(if $(wildcard $(SHARED)),--shared="$(SHARED)") $(ARGS)

bench-db: $(VENV)/.for-test ## Measure lists, statistics and the console's pages over a million jobs in Postgres (3 minutes)
	@exec $(RUN) tests.bench.database $(ARGS)

bench-batches: $(VENV)/.for-test ## Measure batches of 5,000 and of 100,000 pictures: memory, queueing, watching (10 minutes)
	@$(RUN) tests.bench.batch_memory $(if $(wildcard $(SHARED)),--shared="$(SHARED)")
	@$(RUN) tests.bench.batch_scale $(if $(wildcard $(SHARED)),--shared="$(SHARED)") $(ARGS)

bench-memory: $(VENV)/.for-test ## Measure what each program holds over 5,000 mixed pictures (5 minutes)
	@exec $(RUN) tests.bench.memory $(if $(wildcard $(SHARED)),--shared="$(SHARED)") $(ARGS)

bench-capacity: $(VENV)/.for-test ## Measure what one picture costs each part, and renew docs/scaling.md (10 minutes)
	@exec $(RUN) tests.bench.capacity $(if $(wildcard $(SHARED)),--shared="$(SHARED)") $(ARGS)

bench-privacy: $(VENV)/.for-test ## Measure recall and masks on real pictures, and write docs/privacy.md and its chart (10 minutes)
	@exec $(RUN) tests.bench.privacy $(if $(wildcard $(SHARED)),--shared="$(SHARED)") $(ARGS)

bench-video: $(VENV)/.for-test ## Measure masks on faces that move, beside deface, and write docs/video.md (10 minutes)
	@$(RUN) tests.bench.video $(if $(wildcard $(SHARED)),--shared="$(SHARED)") $(ARGS)
	@exec $(RUN) tests.bench.video_calls $(if $(wildcard $(SHARED)),--shared="$(SHARED)")

screenshots: $(VENV)/.for-test ## Write pictures of the console's pages into docs/screenshots/ (needs chromium)
	@exec $(RUN) tests.e2e.screenshots $(if $(wildcard $(SHARED)),--shared="$(SHARED)") $(ARGS)

clients: $(VENV)/.for-test ## Write anew what of the clients is made of the service's own modules and description (needs Node and npm)
	@$(RUN) tests.clients.generated
	@exec $(RUN) tests.clients.typescript

docs: $(VENV)/.for-docs ## Build the documentation as a site in build/site (open its index.html)
	@rm -rf build/docs && mkdir -p build/docs/weights
	@cp *.md LICENSE build/docs && cp -R docs build/docs/docs && cp weights/README.md build/docs/weights
	@for client in clients/*/; do mkdir -p build/docs/$$client && cp $${client}README.md build/docs/$$client; done
	@NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --strict --clean
	@! grep -rnoE --include='*.html' '<(script|link|img|iframe)[^>]+(src|href)="?(https?:)?//[^ >]*' build/site || \
		{ echo "the site would load something from another host"; exit 1; }
	@echo "built build/site/index.html"

format: $(VENV)/.for-dev ## Format the code and mend what can be mended alone
	@$(RUN) ruff check --fix
	@$(RUN) ruff format

COMPILE := $(RUN) uv pip compile --universal --python-version 3.11 --quiet --no-annotate --custom-compile-command "make lock"

lock: $(VENV)/.for-dev ## Renew the lock files: the newest versions that go together, and their hashes
	@$(COMPILE) setup.cfg --extra dev --extra docs --extra fuzz --extra openvino --extra gpu --extra supply --upgrade \
		--output-file requirements.lock
	@$(MAKE) --no-print-directory hashes

hashes: $(VENV)/.for-dev ## Renew requirements.hashed.lock: of the service alone, in the versions of requirements.lock
	@sed -n 's/^requires = \["\(.*\)"\]/\1/p' pyproject.toml | $(COMPILE) setup.cfg - --constraint requirements.lock \
		--generate-hashes --output-file requirements.hashed.lock

install-hashed: ## Install the service alone into VENV, each package only if it has the hash of requirements.hashed.lock
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes --no-deps --requirement requirements.hashed.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@echo "installed into $(VENV), each package with its hash; $(VENV)/bin/face-api runs it"

sbom: $(VENV)/.for-supply ## Write build/supply/sbom.cdx.json: all packages of the service, with hashes (CycloneDX)
	@mkdir -p build/supply
	@$(RUN) cyclonedx_py requirements requirements.hashed.lock --output-reproducible --of JSON -o build/supply/sbom.cdx.json
	@echo "wrote build/supply/sbom.cdx.json"

licences: $(VENV)/.for-supply ## Write build/supply/licences.md: the licence of each package of the service
	@mkdir -p build/supply
	@$(RUN) piplicenses --from=mixed --with-urls --format=markdown --output-file=build/supply/licences.md \
		--packages $(shell sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p' requirements.hashed.lock)

audit: $(VENV)/.for-supply ## Look for known vulnerabilities of the service's packages (needs $(ADVISORIES))
	@if $(VENV)/bin/python -c "import urllib.request as u; u.urlopen(u.Request('$(ADVISORIES)', method='HEAD'), timeout=10)" 2>/dev/null; \
		then $(RUN) pip_audit --vulnerability-service osv --disable-pip --require-hashes --requirement requirements.hashed.lock; \
		else echo "skipped: $(ADVISORIES) can't be reached"; fi

weights: $(VENV)/.for-run ## List the model files (MODEL=scrfd_10g fetches one)
	@$(if $(WEIGHTS_MIRROR),FACE_API_WEIGHTS_MIRROR="$(WEIGHTS_MIRROR)") $(RUN) admin weights $(if $(MODEL),pull $(MODEL),list)

clean: ## Remove what was installed and built; var/ with its data and the model files stay
	@rm -rf $(VENV) build dist *.egg-info clients/python/build clients/python/*.egg-info clients/typescript/dist clients/typescript/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

# A stamp for each set of packages: it is older than a list that has changed since.
$(VENV)/.for-run: WHAT = the service
$(VENV)/.for-test: WHAT = the service and what its tests need
$(VENV)/.for-dev: WHAT = the service and what checks it
$(VENV)/.for-docs: WHAT = the service and what builds its documentation
$(VENV)/.for-test: EXTRA = [test]
$(VENV)/.for-dev: EXTRA = [dev]
$(VENV)/.for-docs: EXTRA = [docs]
$(VENV)/.for-supply: WHAT = the service and what lists its packages
$(VENV)/.for-supply: EXTRA = [supply]
$(VENV)/.for-fuzz: WHAT = the service and what mutates pictures
$(VENV)/.for-fuzz: EXTRA = [fuzz]
$(VENV)/.for-%: setup.cfg pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; PYTHON=... names one")'
	@$(RUN) pip --version >/dev/null 2>&1 || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); } || \
		{ echo "$(PYTHON) can't make $(VENV); Debian and Ubuntu have that in the package python3-venv"; exit 1; }
	@echo "installing into $(VENV): $(WHAT), from requirements.lock; a first time takes a minute or two"
	@$(PIP) install --constraint requirements.lock --editable .$(EXTRA)
	@touch $@
