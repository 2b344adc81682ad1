# Plain `make` lists the targets.

NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)
WITH_DB := target/debug/with-postgres
KITH := ./target/release/kith
RUN_TESTS = cargo build --locked -p kith-testkit --bin with-postgres && $(WITH_DB)
ifdef NEXTEST
TEST := cargo nextest run --locked --workspace
ONLY = -E 'test($(1))$(if $(wildcard crates/$(1)), + package(kith-$(1)))'
else
TEST := cargo test --locked --workspace
ONLY = -- $(1)
endif
CI_STEPS := check test clients examples
BUILD_KITH = scripts/ensure-postgres && cargo build --release --locked -p kith-server

.PHONY: help run test test-area check golden db migrate seed doc clients examples bench bench-bulk bench-value ci ci-steps

help: ## lists these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

run: ## builds and starts Kith with demonstration data and a database of its own
	$(BUILD_KITH) && $(KITH) serve --demo

test: ## all tests, on a throw-away database
	scripts/ensure-postgres && $(RUN_TESTS) $(TEST)

test-area: ## the tests of one area: make test-area A=contacts
	@test -n "$(A)" || { echo "usage: make test-area A=contacts"; exit 2; }
	scripts/ensure-postgres && $(RUN_TESTS) $(TEST) $(call ONLY,$(A))

check: ## formatting and lints, as CI has them
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

golden: ## rewrites the golden files (OpenAPI, SDL and others)
	scripts/ensure-postgres && $(RUN_TESTS) env UPDATE_GOLDEN=1 $(TEST) $(call ONLY,golden)

db: ## prints how to connect to the database
	@$(BUILD_KITH) --quiet && $(KITH) db url

migrate: ## brings the database's schema up to date
	$(BUILD_KITH) && $(KITH) migrate

seed: ## loads the demonstration data
	$(BUILD_KITH) && $(KITH) seed

doc: ## the code's documentation, into target/doc
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

clients: ## generates clients from the contracts and compiles them
	scripts/check-clients

examples: ## runs the examples against a Kith of their own and compares the copies
	scripts/ensure-postgres && scripts/run-examples

bench: ## measures the release build against pgbench (needs wrk and python3)
	$(BUILD_KITH) && python3 bench/run.py

bench-bulk: ## measures bulk loads against COPY and one upsert: make bench-bulk SCALE=100000
	$(BUILD_KITH) && python3 bench/bulk.py

bench-value: ## measures computing the values of all customers, and fits: make bench-value SCALE=1000000
	$(BUILD_KITH) && python3 bench/value.py
	cargo run --release --locked -p kith-statistics --example million -- $(or $(SCALE),1000000)

ci: $(CI_STEPS) ## everything that CI runs

ci-steps:
	@echo $(CI_STEPS)
