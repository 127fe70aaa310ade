# Everything a newcomer needs is `make demo` and `make test`; cargo does the rest.
# ARGS, SEEDS, MINUTES and SECONDS are passed on, as in: make demo ARGS="--keep --dir /tmp/county"

CARGO ?= cargo
SEEDS ?= 2000
MINUTES ?= 10
SECONDS ?= 60

.PHONY: help demo test test-long fmt lint sim sim-county sim-long sim-mutants fuzz fuzz-corpus mutants powercut \
	powercut-station test-attacks test-permissions bench bench-peers bench-micro

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Seven stations, real reports, a cut link, a killed node, the count (ARGS="--keep --dir DIR")
	@server="$$(ops/nats/get-nats-server)" && export YIZHAN__BUS__SERVER_PATH="$$server" && \
	exec $(CARGO) run --release --package yizhan -- demo $(ARGS)

# without a promtool (no Debian, no network) its checks of alerts and pages are left out, and that is said;
# two tests for each processor, as those with real stations wait for them half of their time
test: ## All tests, with a real nats-server; by nextest where there is one
	@server="$$(ops/nats/get-nats-server)" && export PATH="$$(dirname "$$server"):$$PATH" && \
	{ ops/prometheus/get-promtool >/dev/null || { export YIZHAN_WITHOUT_PROMTOOL=1; \
		echo "test: NOT CHECKED, for want of a promtool: rules, their tests, and pages of metrics" >&2; }; } && \
	export NEXTEST_TEST_THREADS="$${NEXTEST_TEST_THREADS:-$$(( 2 * $$(nproc) ))}" && \
	if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --workspace $(ARGS) && $(CARGO) test --workspace --doc; \
	else \
		$(CARGO) test --workspace $(ARGS); \
	fi

test-long: ## Tests that take minutes each, as a link that is cut for one
	@server="$$(ops/nats/get-nats-server)" && export PATH="$$(dirname "$$server"):$$PATH" && \
	$(CARGO) test --package chaos-tests --test real $(ARGS) -- --ignored

# builds what is attacked and what attacks, then runs $(1)
define run_attacks
	@server="$$(ops/nats/get-nats-server)" && export PATH="$$(dirname "$$server"):$$PATH" && \
	$(CARGO) build --package yizhan --package chaos-tests --bin yizhan --bin attacks && \
	target="$$($(CARGO) metadata --format-version 1 --no-deps | \
		python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')" && \
	exec "$$target/debug/attacks" $(1)
endef

test-attacks: ## Attack a real county in every way there is, and list what refused it (ARGS="--quick")
	$(call run_attacks,$(ARGS))

test-permissions: ## Try every subject with every right, by nats-py, and hold that against what is rendered
	$(call run_attacks,--permissions "$$(chaos-tests/venv "$$target" permissions nats-py nkeys)/bin/python" chaos-tests/permissions/table.py $(ARGS))

fmt: ## Format the sources
	$(CARGO) fmt --all

lint: ## Check format and lints; warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings

sim: ## Play stories of the simulator, each seed twice (SEEDS=2000)
	$(CARGO) run --release --package chaos-tests --no-default-features --bin sim -- --swarm $(SEEDS) $(ARGS)

sim-county: ## 496 stations, 100,000 incidents: the county's counts against what was done (ARGS="--seed 2")
	$(CARGO) run --release --package chaos-tests --no-default-features --bin county -- $(ARGS)

sim-long: ## The same for so many minutes (MINUTES=10), from a seed that nobody has seen yet
	$(CARGO) run --release --package chaos-tests --no-default-features --bin sim -- --minutes $(MINUTES) --from "$$(date +%s)" $(ARGS)

fuzz: ## Give each fuzz target its stored inputs, then new ones for a while (SECONDS=60, cargo-fuzz)
	@CARGO="$(CARGO)" chaos-tests/fuzz/run $(SECONDS) $(ARGS)

fuzz-corpus: ## Write the stored inputs anew, with the best of those that `make fuzz` found
	@CARGO="$(CARGO)" chaos-tests/fuzz/keep $(ARGS)

mutants: ## Change the core in small ways and see whether a test minds (ARGS="--file node/core/src/seen.rs")
	@$(CARGO) mutants --version >/dev/null 2>&1 || { \
		echo "mutants: nothing was done; install it first: cargo install cargo-mutants --locked" >&2; exit 69; }
	$(CARGO) mutants --output target $(ARGS)

sim-mutants: ## Show that the oracle catches each deliberate fault, the core's own checks off
	RUSTFLAGS='--cfg yizhan_mutants' CARGO_TARGET_DIR="$${CARGO_TARGET_DIR:-target}/mutants" \
	$(CARGO) run --release --package chaos-tests --no-default-features --bin sim -- --mutants $(ARGS)

powercut: ## Cut the power under the spool; YIZHAN_PCFS names the filesystem that forgets (its README)
	$(CARGO) run --release --package yizhan-powercut -- run $(ARGS)

powercut-station: ## Cut the power under a node and its bus together (YIZHAN_PCFS, nats-py)
	@server="$$(ops/nats/get-nats-server)" && export YIZHAN__BUS__SERVER_PATH="$$server" && \
	$(CARGO) build --release --package yizhan && \
	python3 chaos-tests/powercut/station.py "$$($(CARGO) metadata --format-version 1 --no-deps | \
		python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/release/yizhan" $(ARGS)

# builds what is measured, then runs $(1) with nats-server on PATH
define run_bench
	@server="$$(ops/nats/get-nats-server)" && export PATH="$$(dirname "$$server"):$$PATH" && \
	$(CARGO) build --release --package yizhan --package chaos-tests --bin yizhan --bin bench && \
	exec "$$($(CARGO) metadata --format-version 1 --no-deps | \
		python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/release/bench" $(1)
endef

bench: ## Measure chains of three real tiers, beside peers (ARGS="summary --quick", or a scenario: "thin --kbit 50")
	$(call run_bench,$(or $(ARGS),summary))

bench-peers: ## The same work on peers found on PATH, right beside ours, and the ratios (ARGS="--quick")
	$(call run_bench,peers $(ARGS))

bench-micro: ## Codec, a step of the core, a commit of the spool, by criterion
	$(CARGO) bench --package yizhan-schemas --package yizhan-core --package yizhan --benches -- $(ARGS)
