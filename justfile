# The commands of this project. `.ci/run` and the workflows of the forge call them.
# `just --list` lists them. To install just: `pip install rust-just` or `cargo install just`.

set shell := ["bash", "-euo", "pipefail", "-c"]

# All checks of a change on Linux, in the order of `.ci/run`. As root it skips nothing.
ci: fmt imports clippy doc runtimes hardened linked faults soak-short

fmt:
    cargo fmt --all --check

# Fails if modules or files of the core import each other in a circle.
imports:
    python3 docs/pictures/modules.py --check

clippy:
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
    cargo clippy --workspace --locked -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --locked

test:
    cargo test --workspace --all-features --locked

# All tests, then the result of each fault of tests/faults.md.
faults:
    TEST_SKIPS=1 cargo test --workspace --all-features --locked --no-fail-fast 2>&1 \
        | cargo test --workspace --all-features --locked --test faults report_of_every_case -- --ignored --nocapture

# The same with longer races, and with a kill at every system call.
faults-long:
    TEST_LONG=1 just faults

# The tests that run for minutes: rotations at full rate. Words: the tests that are run.
soak *words="log_rotation:: log_view:: restart::":
    cargo build --all-features --locked --examples
    TEST_LONG=1 cargo test --all-features --locked --test it -- {{words}}

# Those of `restart` in a short form: a kill at every few system calls, and a storm of one minute.
soak-short:
    cargo build --all-features --locked --examples
    TEST_SOAK=1 cargo test --all-features --locked --test it -- restart::soak:: stopped_supervisor

# The compile-time messages. TRYBUILD=overwrite writes them anew.
ui:
    cargo test --locked --test ui

# The expansion of the attribute under many lints and in all editions.
lints:
    cargo test --locked --test lints

# The oldest supported compiler. Needs `rustup toolchain install 1.85`.
msrv:
    cargo +1.85 check --workspace --all-features --locked

# Type-checks the other systems and processors, with the tests where they compile. Needs `rustup target add` for each target.
cross:
    for target in aarch64-unknown-linux-gnu aarch64-apple-darwin x86_64-unknown-freebsd x86_64-unknown-illumos x86_64-pc-windows-gnu; do \
        cargo check --workspace --lib --tests --all-features --locked --target $target; \
    done
    cargo check --workspace --lib --all-features --locked --target i686-unknown-linux-gnu

# The tests that other systems can run: the unit tests, and some of the examples.
elsewhere:
    cargo test --workspace --lib --locked
    cargo build --locked --example hello --example exit_code
    cargo test --locked --test elsewhere

# The emulators and sandboxes: gVisor, qemu-user, valgrind. As root, with CI=true, none may be missing.
emulators:
    cargo build --all-features --locked --examples
    cargo test --all-features --locked --test it -- emulators:: fall_back::

# All tests with programs that are linked to musl. Needs `rustup target add x86_64-unknown-linux-musl`.
musl:
    cargo test --locked --target x86_64-unknown-linux-musl

# The async runtimes, which need newer compilers than the library, and an installer with `service-manager`.
runtimes:
    cargo test --locked --manifest-path tests/runtimes/Cargo.toml --target-dir target/runtimes
    cargo test --locked --manifest-path tests/installer/Cargo.toml --target-dir target/installer

# Process tests with programs that are built with panic = "abort", link-time optimization and stripping.
hardened *filters="image:: command_line:: background:: handoff:: privileges::":
    cargo build --all-features --locked --examples --profile hardened --target-dir target
    TEST_PROGRAMS=target/hardened/examples cargo test --all-features --locked --test it -- {{filters}}

# What release programs link: the code of the options that they name, and no other.
linked:
    cargo test --all-features --locked --test it -- --ignored linked_code::

# All tests with the launch by fork(2), as on other Unix systems.
fork:
    RUSTFLAGS="--cfg daemon_fork" cargo test --package daemon-main --package daemon-core --locked --target-dir target/fork

# Licences, advisories and unused dependencies. Needs `cargo install cargo-deny cargo-machete`.
deny:
    cargo deny --workspace check
    cargo machete

# The oldest versions of the dependencies that the manifests allow.
minimal:
    mkdir -p target
    cp Cargo.lock target/Cargo.lock
    RUSTC_BOOTSTRAP=1 cargo update -Z direct-minimal-versions && cargo check --package daemon-main --all-features; \
        result=$?; mv target/Cargo.lock .; exit $result

# Fuzzes one target of fuzz/targets for ten minutes. Needs a nightly toolchain and `cargo install cargo-fuzz`.
fuzz target:
    mkdir -p fuzz/target/found/{{target}}
    cargo +nightly fuzz run {{target}} fuzz/target/found/{{target}} fuzz/corpus/{{target}} -- -max_total_time=600 -dict=fuzz/dictionary

# Type-checks the workspaces that use the library from beside it: the programs of the benchmarks, the fuzz targets.
beside:
    cargo check --locked --manifest-path benches/Cargo.toml --target-dir target/benches
    cargo check --locked --workspace --manifest-path benches/readiness/Cargo.toml --target-dir target/benches
    RUSTFLAGS="--cfg fuzzing" cargo check --locked --manifest-path fuzz/Cargo.toml --target-dir target/fuzz

# Breaks one security check after another and expects a test to fail. With words: only mutants whose text contains one.
mutants *words:
    tests/mutations/run.py {{words}}

# Ordinary mutants of one file that unit tests cover, see .cargo/mutants.toml. Needs `cargo install cargo-mutants`.
mutate file:
    cargo mutants --output target --file {{file}} \
        {{ if file =~ '^daemon-macros' { "--package daemon-macros" } else { "--package daemon-core --test-package daemon-core --test-package daemon-macros" } }}

# Minimises the corpus of one target: the fewest inputs with the whole coverage. Needs a C++ compiler, and no nightly toolchain.
minimise target:
    CARGO_TARGET_DIR=target/minimise RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1" \
        cargo build --release --locked --target "$(rustc -vV | sed -n 's/host: //p')" --manifest-path fuzz/Cargo.toml
    rm -rf target/minimised && mkdir -p target/minimised
    target/minimise/*/release/{{target}} -set_cover_merge=1 -use_counters=0 target/minimised fuzz/corpus/{{target}}
    rm -rf fuzz/corpus/{{target}} && mv target/minimised fuzz/corpus/{{target}}

# The tables of benches/README.md, or those that are named; `--help` lists the options.
bench *words:
    python3 benches/bench {{words}}

# Fails if a capability has grown by more than 5 % against benches/README.md.
size:
    python3 benches/bench size --check

# Draws docs/modules.svg from the imports of the core, and records docs/session.svg from a terminal session.
pictures:
    python3 docs/pictures/modules.py
    cargo build --locked --example hello --example result --example clock
    python3 docs/pictures/session.py

# Replaces the daemon code of published programs by this library, and runs their tests before and after.
adoption directory:
    python3 tests/adoption/adopt.py {{directory}}

# What `ready = "settled"` says of starts that succeed and that fail, for docs/readiness.md. As root. Words: `loaded`, `published`, `quick`, programs.
readiness *words:
    cargo build --locked --workspace --manifest-path benches/readiness/Cargo.toml
    benches/readiness/target/debug/readiness {{words}}

# The same with release programs, for the launcher's own processor time. On a machine with other work: `chrt -f 10 just readiness-release std`.
readiness-release *words:
    cargo build --release --locked --workspace --bins --manifest-path benches/readiness/Cargo.toml
    benches/readiness/target/release/readiness {{words}}

package:
    cargo package --workspace --locked
