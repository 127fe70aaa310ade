# What `run` and `keep` share. Needs CARGO; sets here, root, target_dir and TARGETS.
set -euo pipefail

TARGETS=(codec hello spool_open)
CARGO=${CARGO:-cargo}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
target_dir=${CARGO_TARGET_DIR:-$root/target}/fuzz

if ! "$CARGO" fuzz --version >/dev/null 2>&1; then
    cat >&2 <<'SAY'
fuzz: cargo-fuzz is not installed; nothing was done. Install it, and come again:

    cargo install cargo-fuzz --locked

A C++ compiler is needed too (libFuzzer is built from source). The stored inputs are replayed
without either by the plain tests:

    cargo test --package chaos-tests --package yizhan-powercut --test fuzz_corpus
SAY
    exit 69
fi

# the versions that are tested are the ones that are fuzzed
if [[ ! -e $here/Cargo.lock || $root/Cargo.lock -nt $here/Cargo.lock ]]; then
    cp "$root/Cargo.lock" "$here/Cargo.lock"
fi

# fuzz <build|run> <target> [arguments]. There is no unsafe code here for a sanitizer to watch, and
# without one the stable compiler will do and twice as much is tried in the same time.
fuzz() {
    local what=$1 target=$2
    shift 2
    local features=()
    if [[ $target == spool_open ]]; then
        features=(--features spool)
    fi
    RUSTC_BOOTSTRAP=1 "$CARGO" fuzz "$what" --fuzz-dir "$here" --target-dir "$target_dir" \
        --sanitizer "${SANITIZER:-none}" --codegen-units 16 "${features[@]}" "$target" "$@"
}
