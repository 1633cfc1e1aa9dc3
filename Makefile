# What a person does here. Everything else is `cargo`.
.PHONY: run demo web test bench conform check check-deploy crash soak fuzz

TARGET := $(or $(CARGO_TARGET_DIR),target)
APP := dashboards/web/dist/index.html
# The whole workspace each time: one set of features, so that nothing is built twice.
BUILD := cargo build --release --workspace

# The first build takes long (docs/benchmarks.md says how long), later ones seconds.
run: $(APP)
	$(BUILD) --bins
	$(TARGET)/release/observatory serve --config config/development.yaml

demo: $(APP)
	$(BUILD) --bins
	$(TARGET)/release/observatory demo

# The web app, for the next build of the program; without Node there is none in it.
web: $(APP)

# Nothing where there is no Node, or an older one than package.json asks for.
NODE := $(shell node -p 'const [major, minor] = process.versions.node.split("."); major > 20 || (major == 20 && minor >= 19) ? "fits" : ""' 2>/dev/null)

# schema.d.ts is made by each check of the app, so it says nothing of what has changed.
$(APP): $(shell find dashboards/web/src dashboards/web/*.json dashboards/web/*.ts dashboards/web/*.mjs dashboards/web/index.html ! -name schema.d.ts)
ifeq ($(NODE),)
	@echo "there is no Node of 20.19 or later here: the program is built without a new web app"
else
	cd dashboards/web && npm ci --no-audit --no-fund && npm run build
endif

# The whole suite, with real exporters, DuckDB and processes that get killed.
test:
	cargo nextest run --workspace

# 200 and more SIGKILLs under load.
crash:
	OBSERVATORY_CRASH_KILLS=200 cargo nextest run --workspace --no-capture -E 'package(observatory) and test(by_a_crash)'

# Five minutes at full rate, asked every 10 ms.
soak:
	$(BUILD) --bins
	OBSERVATORY_TEST_BINARY=$(abspath $(TARGET))/release/observatory OBSERVATORY_SOAK_SECONDS=300 cargo nextest run --workspace --no-capture -E 'test(every_count_is_exact)'

# Each decoder for a minute; needs cargo-fuzz. It builds everything once more, with libFuzzer's hooks.
fuzz:
	cd ingest && for target in protobuf_traces protobuf_logs protobuf_metrics json; do \
		RUSTC_BOOTSTRAP=1 cargo fuzz run --dev --sanitizer none $$target -- -max_total_time=60 || exit 1; \
	done

# The figures of docs/benchmarks.md; takes some minutes.
bench:
	$(BUILD) --bins
	$(TARGET)/release/observatory-bench

# The OTLP checklist against a running server.
conform:
	$(BUILD) --bins
	$(TARGET)/release/otlp-conform --grpc http://127.0.0.1:4317 --http http://127.0.0.1:4318 --sql http://127.0.0.1:8036/api/v1/sql

# What a change must pass before it is committed.
check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo deny --all-features check

# The folder deploy/, without a cluster or a container engine: schemas, rules, and the program with its settings. Needs logrotate and systemd.
check-deploy:
	$(BUILD) --bins
	OBSERVATORY_TEST_BINARY=$(abspath $(TARGET))/release/observatory deploy/check
