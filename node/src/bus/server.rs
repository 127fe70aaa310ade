//! [`ServerBinary`]: a nats-server on this machine that is new enough.
//!
//! Looked for in this order: `bus.server_path` (and then nowhere else), `PATH`,
//! `$XDG_DATA_HOME/yizhan/bin` (`~/.local/share/yizhan/bin` if unset), which is where
//! `ops/nats/get-nats-server` puts one. An old server earlier in the order does not hide a good
//! one later: distributions still ship 2.9.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::BusError;

/// Oldest server that knows all we ask of it: short `sync_interval`, two accounts, nkeys.
pub const VERSION_MIN: Version = Version { major: 2, minor: 10, patch: 0 };
/// How long a program may take to say its version.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const NAME: &str = "nats-server";

/// A version of nats-server, as in 2.15.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

/// A server program and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerBinary {
    /// Absolute, or as configured.
    pub path: PathBuf,
    /// At least [`VERSION_MIN`].
    pub version: Version,
}

/// Where to look; taken from the environment once.
#[derive(Debug, Clone)]
pub struct Search {
    /// `bus.server_path`.
    pub configured: Option<PathBuf>,
    /// `PATH`.
    pub path: OsString,
    /// `$XDG_DATA_HOME/yizhan/bin`, if there is any home.
    pub private: Option<PathBuf>,
}

impl Search {
    /// The search order of this process.
    pub fn from_environment(configured: Option<PathBuf>) -> Self {
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
        let data = std::env::var_os("XDG_DATA_HOME").filter(|dir| !dir.is_empty());
        let private =
            data.map(PathBuf::from).or_else(home).map(|dir| dir.join("yizhan").join("bin"));
        Self { configured, path: std::env::var_os("PATH").unwrap_or_default(), private }
    }

    /// The first server that is new enough.
    pub async fn find(&self) -> Result<ServerBinary, BusError> {
        let mut outcome = None;
        for path in self.candidates() {
            match try_binary(&path).await {
                Ok(binary) => return Ok(binary),
                Err(error) => outcome = Some(outcome.unwrap_or(error)),
            }
        }
        Err(outcome.unwrap_or_else(|| BusError::ServerMissing { looked: self.places() }))
    }

    fn candidates(&self) -> Vec<PathBuf> {
        if let Some(path) = &self.configured {
            return if path.is_file() { vec![path.clone()] } else { vec![] };
        }
        let on_path = std::env::split_paths(&self.path).filter(|dir| dir.is_absolute());
        on_path
            .chain(self.private.clone())
            .map(|dir| dir.join(NAME))
            .filter(|p| p.is_file())
            .collect()
    }

    fn places(&self) -> String {
        match (&self.configured, &self.private) {
            (Some(path), _) => format!("bus.server_path = {}", path.display()),
            (None, Some(dir)) => format!("PATH, {}", dir.display()),
            (None, None) => "PATH (neither XDG_DATA_HOME nor HOME is set)".to_owned(),
        }
    }
}

async fn try_binary(path: &Path) -> Result<ServerBinary, BusError> {
    let unusable = |why: String| BusError::ServerUnusable { path: path.to_owned(), why };
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(ANSWER_WITHIN, command.output())
        .await
        .map_err(|_| unusable(format!("--version did not end within {ANSWER_WITHIN:?}")))?
        .map_err(|error| unusable(error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let version = Version::from_output(&said)
        .ok_or_else(|| unusable(format!("--version said `{}`", first_line(&said))))?;
    if version < VERSION_MIN {
        let found = version.to_string();
        return Err(BusError::ServerTooOld { path: path.to_owned(), found });
    }
    Ok(ServerBinary { path: path.to_owned(), version })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(80).collect()
}

impl Version {
    /// Reads the output of `nats-server --version`; what follows the third number is ignored.
    fn from_output(text: &str) -> Option<Self> {
        let text = text.trim().strip_prefix("nats-server: ")?;
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut numbers = text.splitn(3, '.').map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part.get(..end).and_then(|digits| digits.parse().ok())
        });
        let (major, minor) = (numbers.next()??, numbers.next()??);
        Some(Self { major, minor, patch: numbers.next().flatten().unwrap_or(0) })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_read_from_what_servers_print() {
        for (text, version) in [
            ("nats-server: v2.15.1\n", "2.15.1"),
            ("nats-server: v2.10.0-RC.3", "2.10.0"),
            ("nats-server: 2.9.25", "2.9.25"),
        ] {
            assert_eq!(Version::from_output(text).unwrap().to_string(), version);
        }
        for text in ["", "v2.15.1", "nats-server: vX", "gnatsd 1.4"] {
            assert_eq!(Version::from_output(text), None, "{text}");
        }
        let (old, new) = ("nats-server: v2.9.99", "nats-server: v2.10.0");
        assert!(Version::from_output(old).unwrap() < VERSION_MIN);
        assert!(Version::from_output(new).unwrap() >= VERSION_MIN);
    }
}
