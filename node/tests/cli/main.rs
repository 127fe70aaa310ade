//! The command line from outside: what is typed, what is printed, the exit status.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod ack;
mod audit;
mod catalogue;
mod configuration;
mod pretend;
mod publish;
mod render;
mod roster;
mod status;
mod topology;
mod usage;
mod watch;

use std::path::Path;
use std::process::{Command, Output};

/// Runs the command as a person with an empty environment would, in English.
fn yizhan(args: &[&str]) -> Output {
    yizhan_in(Path::new(env!("CARGO_TARGET_TMPDIR")), args, &[])
}

fn yizhan_in(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_yizhan"))
        .args(args)
        .env_clear()
        .envs(env.iter().copied())
        .current_dir(dir)
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Compares with a file in `golden/`; `YIZHAN_BLESS=1 cargo test` writes it anew.
fn assert_golden(name: &str, text: &str) {
    let path = format!("tests/cli/golden/{name}");
    if std::env::var_os("YIZHAN_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap_or_default(), "{path}");
}
