# What a person does here. Everything else is `cargo`.
.PHONY: run demo test bench conform check crash

# Where a release build goes first costs minutes; the second time seconds.
run:
	cargo run --release --workspace --bin observatory -- serve

demo:
	cargo run --release --workspace --bin observatory -- demo

# The whole suite, with real exporters, DuckDB and processes that get killed.
test:
	cargo nextest run --workspace

# 200 and more SIGKILLs under load.
crash:
	OBSERVATORY_CRASH_KILLS=200 cargo nextest run --workspace -E 'package(observatory) and test(crash)'

# The figures of docs/benchmarks.md; takes some minutes.
bench:
	cargo run --release --workspace --bin observatory-bench

# The OTLP checklist against a running server.
conform:
	cargo run --release --workspace --bin otlp-conform -- --sql http://127.0.0.1:8036/api/v1/sql

# What a change must pass before it is committed.
check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo deny --all-features check
