//! The binary `yizhan`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match yizhan::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
