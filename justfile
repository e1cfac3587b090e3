# The commands of this project, one list; CI calls the same. `cargo install just`, then `just --list`.

# All that a change has to pass on Linux, as root for nothing to be skipped.
all: fmt clippy doc test lints msrv fork hardened package

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --locked

test:
    cargo test --workspace --all-features --locked

# What became of each fault of tests/faults.md, after all tests. As root, for nothing to be skipped.
faults:
    cargo test --workspace --all-features --locked --no-fail-fast 2>&1 | cargo test --workspace --all-features --locked --test faults report_of_every_case -- --ignored --nocapture

# The same with longer races, and with a kill at every system call.
faults-long:
    TEST_LONG=1 just faults

# The compile-time messages. TRYBUILD=overwrite writes them anew.
ui:
    cargo test --locked --test ui

# What the attribute makes, under many lints and in all editions.
lints:
    cargo test --locked --test lints

# The oldest compiler that is promised: rustup toolchain install 1.85
msrv:
    cargo +1.85 check --workspace --all-features --locked

# The other systems, type-checked with their unit tests: rustup target add ...
cross:
    for target in aarch64-apple-darwin x86_64-unknown-freebsd x86_64-unknown-illumos x86_64-pc-windows-gnu; do \
        cargo check --workspace --lib --tests --all-features --locked --target $target || exit; \
    done

# What can be run on the other systems: the unit tests, and some of the examples.
elsewhere:
    cargo test --workspace --lib --locked
    cargo build --locked --example hello --example exit_code
    cargo test --locked --test elsewhere

# The process tests with the programs linked to musl: rustup target add x86_64-unknown-linux-musl
musl:
    cargo test --locked --target x86_64-unknown-linux-musl

# The async runtimes, which want newer compilers.
runtimes:
    cargo test --locked --manifest-path tests/runtimes/Cargo.toml --target-dir target/runtimes

# The process tests with programs built with panic = "abort", link-time optimization and stripping.
hardened:
    cargo build --locked --examples --profile hardened --target-dir target
    TEST_PROGRAMS=target/hardened/examples cargo test --locked --tests

# The process tests with the launch by fork(2), as the other Unix systems have it.
fork:
    RUSTFLAGS="--cfg daemon_fork" cargo test --package daemon-main --package daemon-core --locked --target-dir target/fork

# cargo install cargo-deny cargo-machete
deny:
    cargo deny --workspace check
    cargo machete

# The oldest versions of the dependencies that the manifests allow.
minimal:
    mkdir -p target
    cp Cargo.lock target/Cargo.lock
    RUSTC_BOOTSTRAP=1 cargo update -Z direct-minimal-versions && cargo check --package daemon-main --all-features; \
        result=$?; mv target/Cargo.lock .; exit $result

# rustup toolchain install nightly; cargo install cargo-fuzz
# For ten minutes what comes from outside as bytes; the targets are those of fuzz/targets.
fuzz target:
    mkdir -p fuzz/target/found/{{target}}
    cargo +nightly fuzz run {{target}} fuzz/target/found/{{target}} fuzz/corpus/{{target}} -- -max_total_time=600 -dict=fuzz/dictionary

# With words: only the mutants in whose text one of them stands.
# One security check after the other broken, to see a test turn red; as root.
mutants *words:
    tests/mutations/run.py {{words}}

# The tables of benches/README.md, or those that are named.
bench *words:
    cargo run --release --locked --manifest-path benches/Cargo.toml --bin bench -- {{words}}

package:
    cargo package --workspace --locked
