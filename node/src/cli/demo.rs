//! [`DemoOptions`]: the arguments of `yizhan demo`.
//!
//! The demo itself, `demo::run(options: DemoOptions) -> Result<(), Error>`, comes into
//! `cli/demo/`; with it, `demo` becomes a command.

use std::path::PathBuf;

use clap::Args;

/// Run a county of seven stations on this machine, break it, and count what arrives.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct DemoOptions {
    /// Leave the stations running at the end, and print where they are
    #[arg(long)]
    pub keep: bool,
    /// Put all data here, and `demo.json` when the stations are ready [default: a temporary
    /// directory]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Start the stations and nothing else
    #[arg(long)]
    pub no_traffic: bool,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Demo {
        #[command(flatten)]
        options: DemoOptions,
    }

    #[test]
    fn flags_of_make_demo_pass_through() {
        let read = |args: &[&str]| Demo::try_parse_from(args).map(|demo| demo.options);
        let options = read(&["demo", "--keep", "--dir", "/tmp/d"]).unwrap();
        let expected = DemoOptions { keep: true, dir: Some("/tmp/d".into()), no_traffic: false };
        assert_eq!(options, expected);
        assert_eq!(read(&["demo", "--dir"]).unwrap_err().exit_code(), 2);
    }
}
