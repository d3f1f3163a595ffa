# `make` alone lists the targets. Variables: RECIPES=source OUT=file ARGS="more flags" A=run.json B=run.json RUN=run.json
PYTHON ?= python3
PORT ?= 4000
VENV := .venv
BIN := $(VENV)/bin
UV_READY := $(VENV)/uv-ready
# uv takes a third of the CPU time that pip does. What is not compiled here, processes would compile as they start.
INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes --python $(BIN)/python
RUN_READY := $(VENV)/run-ready
DEVELOP_READY := $(VENV)/develop-ready
INTEROP_READY := tests/interop/node_modules/.package-lock.json tests/interop/grpc/node_modules/.package-lock.json \
	tests/browser/node_modules/.package-lock.json docs/examples/node/node_modules/.package-lock.json
VENDOR := bench/report/vendor
PYTHONS ?= 3.12 3.13 3.14
# What depends on the version of Python: event loops and tasks, processes, sockets, generated text.
PYTHONS_TESTS := tests/test_wheel.py tests/consumers tests/producers/test_program.py tests/producers/test_workers.py \
	tests/bench/load/test_loops.py tests/bench/test_run_file.py
IMPLEMENTATIONS_READY := $(VENV)/implementations-ready
FRONTS_READY := $(VENV)/fronts-ready
CLUSTER_READY := $(VENV)/cluster-ready
CONFORMANCE := .venv-conformance
CONFORMANCE_READY := $(CONFORMANCE)/ready
# More than cores: most tests wait, for processes and for the limits of time that they are about.
TEST_WORKERS ?= 6
# Extras stay in the lock files: pip 23 does not take `name==1` as an answer to a requirement of `name[extra]`, chooses a release
# itself, and fails when that has no hash here.
LOCK = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" --quiet --upgrade
# Passed through the environment, so that neither a shell nor make interprets the value.
export RECIPES
# The lab starts hundreds of processes in its tests and runs, and each would compile the code again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup implementations fronts setup-cluster certs protos bench compare history claims report sizes instructions http graphql grpc serve-http serve-graphql \
	serve-grpc data wheel test pythons $(PYTHONS:%=python-%) check interop conformance hostile audit lint format types imports stubs version collect tests quick-bench lock clean \
	vendor pictures
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z -]+:.*## /{n = split($$1, names, " "); for (i = 1; i <= n; i++) printf "  make %-14s %s\n", names[i], $$2}' $(MAKEFILE_LIST)

# Its lines of the lock file, with all of its hashes, are those up to the first that is not continued.
$(UV_READY): requirements/develop.txt
	@echo "setting up $(VENV) (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@awk '/^uv==/, !/\\$$/' $< | $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r /dev/stdin
	@touch $@

$(RUN_READY): requirements/run.txt $(UV_READY)
	@$(INSTALL) -r $<
	@touch $@

$(DEVELOP_READY): requirements/develop.txt $(RUN_READY)
	@$(INSTALL) -r $<
	@touch $@

$(IMPLEMENTATIONS_READY): requirements/implementations.txt $(RUN_READY)
	@$(INSTALL) -r $<
	@touch $@

$(FRONTS_READY): requirements/fronts.txt $(RUN_READY)
	@$(INSTALL) -r $<
	@touch $@

$(CLUSTER_READY): requirements/cluster.txt $(RUN_READY)
	@$(INSTALL) -r $<
	@touch $@

# Without npm, the tests that need its packages are skipped with a reason.
%/node_modules/.package-lock.json: %/package-lock.json
	@if command -v npm >/dev/null; then npm ci --silent --prefix $* && touch $@; fi

$(CONFORMANCE_READY): requirements/conformance.txt $(UV_READY)
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(CONFORMANCE)
	@$(BIN)/uv pip install --quiet --require-hashes --python $(CONFORMANCE)/bin/python -r $<
	@touch $@

setup: $(DEVELOP_READY) ## .venv from the hash-locked requirements

implementations: $(IMPLEMENTATIONS_READY) ## install other libraries that can serve the protocols (docs/implementations.md)

fronts: $(FRONTS_READY) ## install Envoy, a proxy in front of producers (docs/fronts.md)

setup-cluster: $(CLUSTER_READY) ## install what load from many machines needs (docs/cluster.md)

certs: $(RUN_READY) ## a local CA, server and client certificates in certs/
	@$(BIN)/python -m producers.certificates

protos: $(DEVELOP_READY) ## regenerate the stubs and contracts and check them
	@$(BIN)/python -m protos.generate
	@$(BIN)/python -m protos.generate --check

bench: $(RUN_READY) ## measure the whole matrix and write the report (RECIPES= OUT= ARGS=)
	@$(BIN)/python -m bench run $(if $(RECIPES),--recipes "$$RECIPES") $(if $(OUT),--out "$(OUT)") $(ARGS)

compare: $(RUN_READY) ## compare two runs; fail if something got slower (A=before.json B=after.json)
	@$(BIN)/python -m bench compare "$(A)" "$(B)" $(ARGS)

history: $(RUN_READY) ## what changed over many runs, and when (RUNS="reports/*.json" ARGS="--gate 10")
	@$(BIN)/python -m bench history $(or $(RUNS),$(wildcard reports/*.json)) $(ARGS)

claims: $(RUN_READY) ## published claims, tested on a run: writes docs/claims.md (RUN=reports/x.json)
	@$(BIN)/python -m bench claims "$(RUN)" --format markdown > docs/claims.md.new || { rm docs/claims.md.new; exit 2; }
	@mv docs/claims.md.new docs/claims.md

sizes: $(RUN_READY) ## where every byte goes, without a latency run (RECIPES= OUT= ARGS=)
	@$(BIN)/python -m bench sizes $(if $(RECIPES),--recipes "$$RECIPES") $(if $(OUT),--out "$(OUT)") $(ARGS)

instructions: $(RUN_READY) ## instructions of a request, counted by callgrind (RECIPES= OUT= ARGS=)
	@$(BIN)/python -m bench instructions $(if $(RECIPES),--recipes "$$RECIPES") $(if $(OUT),--out "$(OUT)") $(ARGS)

report: $(RUN_READY) ## render the report of a run again (RUN=reports/x.json)
	@$(BIN)/python -m bench report "$(RUN)" $(ARGS)

http graphql grpc: $(RUN_READY) ## start this producer, ask it, show the response and its size, stop
	@$(BIN)/python -m bench ask $@ $(if $(RECIPES),--recipes "$$RECIPES") $(ARGS)

serve-http serve-graphql serve-grpc: $(RUN_READY) ## run this producer in the foreground (PORT= RECIPES= ARGS=)
	@exec $(BIN)/python -m producers $(@:serve-%=%) --port $(PORT) $(ARGS)

wheel: $(DEVELOP_READY) ## build the installable command recipe-lab in dist/
	@$(BIN)/python -m hatchling build --target wheel --directory dist

data: $(RUN_READY) ## download the wikibooks recipes
	@$(BIN)/python -m commands.fetch_wikibooks

test: ## everything CI runs
	@$(MAKE) --no-print-directory -j2 check
	@$(MAKE) --no-print-directory tests quick-bench
	@$(MAKE) --no-print-directory -j2 --output-sync=target pythons

check: types lint collect imports stubs version ## types, lint, import contracts, freshness of generated files, version

lint: $(DEVELOP_READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(DEVELOP_READY) ## let ruff rewrite what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(DEVELOP_READY)
	$(BIN)/mypy

imports: $(DEVELOP_READY)
	$(BIN)/lint-imports

stubs: $(DEVELOP_READY)
	$(BIN)/python -m protos.generate --check
	$(BIN)/python -m bench.run_file | diff - docs/run-file.schema.json

version: $(DEVELOP_READY)
	$(BIN)/python -m tests.check_version pyproject.toml CHANGELOG.md

# That all tests can be imported, beside the types, which need one core. The processes that run them load them compiled.
# Here nothing is missing yet: in CI, other programs are being installed meanwhile.
collect: $(DEVELOP_READY)
	@out=$$(LAB_SKIPS_FAIL= $(BIN)/pytest -q --collect-only) || { echo "$$out" | tail -n 50; exit 1; }

conformance: $(CONFORMANCE_READY) ## install the scanners for tests/interop in an environment of their own

audit: $(CONFORMANCE_READY) ## check the dependencies for known vulnerabilities
	@$(CONFORMANCE)/bin/python tests/audit.py requirements/implementations.txt
	@$(CONFORMANCE)/bin/python tests/audit.py requirements/fronts.txt
	@$(CONFORMANCE)/bin/python tests/audit.py requirements/cluster.txt

hostile: $(DEVELOP_READY) ## attack the producers and write docs/generated/hostile.md
	@mkdir -p reports && rm -f reports/hostile.jsonl
	HOSTILE_TABLE=reports/hostile.jsonl $(BIN)/pytest -q tests/hostile
	$(BIN)/python -m tests.hostile.table reports/hostile.jsonl > docs/generated/hostile.md

interop: $(INTEROP_READY) ## install the npm packages for tests/interop, tests/browser and docs/examples

# The pages are of real runs; a comparison that finds a regression or nothing is pictured, too.
pictures: $(DEVELOP_READY) ## pictures of pages for the docs (RUN=run.json, and A=before.json B=after.json)
	@mkdir -p reports/pictures
	@$(BIN)/python -m bench report "$(RUN)" --out reports/pictures/report.html
	@$(BIN)/python -m bench compare "$(A)" "$(B)" --html reports/pictures/compare.html >reports/pictures/compare.txt || test $$? -ne 2
	@$(BIN)/python -m bench history $(sort $(wildcard reports/run-*.json) "$(A)" "$(B)") --html reports/pictures/history.html >/dev/null
	@$(BIN)/python -m commands.pictures reports/pictures docs/images

vendor: $(VENDOR)/node_modules/.package-lock.json ## bundle the charting library of the report again, from its locked packages
	@cd $(VENDOR) && npm run --silent build && node licences.mjs > LICENCES && sha256sum plot.js LICENCES > SHA256SUMS

tests: $(DEVELOP_READY) interop
	$(BIN)/coverage erase
	$(BIN)/pytest -q -n $(TEST_WORKERS) --dist worksteal --durations=10 --cov --cov-report=term $(PYTEST_ARGS)

pythons: $(PYTHONS:%=python-%) ## test with other versions of Python, where they are installed (PYTHONS="3.12 3.13")

$(PYTHONS:%=python-%): python-%: $(DEVELOP_READY)
	@python=$$(PYENV_VERSION=$* $(BIN)/uv python find --no-python-downloads $* 2>/dev/null) \
		|| { echo "Python $* is not installed; nothing was tested with it"; exit 0; }; \
	echo "with $$("$$python" --version):" \
	&& $(BIN)/uv venv --quiet --allow-existing --python "$$python" .venv-$* \
	&& $(BIN)/uv pip install --quiet --python .venv-$*/bin/python --require-hashes -r requirements/develop.txt \
	&& .venv-$*/bin/python -m pytest -q -n 2 --dist worksteal --no-cov -p no:cacheprovider $(PYTHONS_TESTS)

quick-bench: $(DEVELOP_READY)
	$(BIN)/python -m bench run --quick --seconds 8 --out reports/quick.json
	$(BIN)/python -m tests.check_run reports/quick.json

lock: $(DEVELOP_READY) ## update the lock files, with hashes
	$(LOCK) pyproject.toml -o requirements/run.txt
	$(LOCK) pyproject.toml requirements/develop.in -c requirements/run.txt -o requirements/develop.txt
	$(LOCK) pyproject.toml --extra implementations -c requirements/run.txt -c requirements/develop.txt \
		-o requirements/implementations.txt
	$(LOCK) pyproject.toml --extra fronts -c requirements/run.txt -c requirements/develop.txt -o requirements/fronts.txt
	$(LOCK) pyproject.toml --extra cluster -c requirements/run.txt -c requirements/develop.txt -o requirements/cluster.txt
	$(LOCK) requirements/conformance.in -o requirements/conformance.txt

clean: ## remove everything generated, but not the reports
	rm -rf $(VENV) $(CONFORMANCE) $(PYTHONS:%=.venv-%) dist $(VENDOR)/node_modules $(dir $(INTEROP_READY)) certs .coverage .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache
