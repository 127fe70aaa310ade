//! [`Credential`]: who this station is to a bus, and the files that say so.
//!
//! Promise: a seed is written readable for its owner alone, is never logged (`Debug` shows the
//! public key), and every error names the file and what would be valid in it.

use std::fmt;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nkeys::{KeyPair, KeyPairType};

use super::BusError;

/// Identity of one connection.
#[derive(Clone)]
pub enum Credential {
    /// An nkey: the server knows the public half.
    Seed {
        /// The private half (SU…).
        seed: String,
        /// The public half (U…).
        public: String,
    },
    /// A JWT with its seed, in NATS's .creds form: for a bus that others run.
    Creds(String),
    /// None: an application on a bus that is open on loopback, as in `yizhan demo`.
    Open,
}

/// The two identities a station has on its own bus.
#[derive(Debug, Clone)]
pub struct StationKeys {
    /// In the account of the links.
    pub link: Credential,
    /// In the account of the applications.
    pub app: Credential,
}

impl Credential {
    /// A new key of its own.
    pub fn generate() -> Result<Self, nkeys::error::Error> {
        let pair = KeyPair::new_user();
        Ok(Self::Seed { seed: pair.seed()?, public: pair.public_key() })
    }

    /// The key of a station, from `station.key`.
    pub fn load(path: &Path) -> Result<Self, BusError> {
        let text = fs::read_to_string(path).map_err(BusError::file("read the key", path))?;
        warn_if_open(path);
        Self::parse(&text).map_err(|why| BusError::BadCredential { path: path.to_owned(), why })
    }

    /// The key in a file; where there is no file, it is made with a new key in it.
    pub fn at(path: &Path) -> Result<Self, BusError> {
        if path.exists() {
            return Self::load(path);
        }
        let wrong = |why: String| BusError::BadCredential { path: path.to_owned(), why };
        let made = Self::generate().map_err(|error| wrong(error.to_string()))?;
        if let Self::Seed { seed, .. } = &made {
            write_private(path, format!("{seed}\n").as_bytes())?;
        }
        Ok(made)
    }

    /// The key of a station, given as the seed itself.
    pub fn of_seed(seed: &str) -> Result<Self, BusError> {
        let wrong = |why| BusError::BadCredential { path: "station.key".into(), why };
        Self::parse(seed).map_err(wrong)
    }

    /// The public key; none for .creds, whose server asks for the JWT, and for no credential.
    pub fn public(&self) -> Option<&str> {
        match self {
            Self::Seed { public, .. } => Some(public),
            Self::Creds(_) | Self::Open => None,
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.contains("BEGIN NATS USER JWT") {
            async_nats::ConnectOptions::with_credentials(text).map_err(|e| e.to_string())?;
            return Ok(Self::Creds(text.to_owned()));
        }
        let mut lines =
            text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        let (Some(seed), None) = (lines.next(), lines.next()) else {
            return Err("it has no line, or more than one".to_owned());
        };
        // neither the text nor the library's message goes further: both could hold the secret
        let pair =
            KeyPair::from_seed(seed).map_err(|_| "the line is not an nkey seed".to_owned())?;
        match pair.key_pair_type() {
            KeyPairType::User => {
                Ok(Self::Seed { seed: seed.to_owned(), public: pair.public_key() })
            }
            other => Err(format!("it is a seed of the type {other:?}, not of a user")),
        }
    }
}

impl StationKeys {
    /// The station's own two keys, made at the first start: `<dir>/link.nk` and `<dir>/app.nk`.
    pub fn own(dir: &Path) -> Result<Self, BusError> {
        fs::create_dir_all(dir).map_err(BusError::file("make the directory", dir))?;
        fs::set_permissions(dir, Permissions::from_mode(0o700))
            .map_err(BusError::file("restrict the directory", dir))?;
        Ok(Self {
            link: Credential::at(&dir.join("link.nk"))?,
            app: Credential::at(&dir.join("app.nk"))?,
        })
    }

    /// Those of a bus that others run (`bus.credentials`): a directory with the files `link` and
    /// `app`, or one file for both.
    pub fn external(path: &Path) -> Result<Self, BusError> {
        if path.is_dir() {
            return Ok(Self {
                link: Credential::load(&path.join("link"))?,
                app: Credential::load(&path.join("app"))?,
            });
        }
        let both = Credential::load(path)?;
        Ok(Self { link: both.clone(), app: both })
    }
}

/// Writes a file that only its owner may read, wholly or not at all, and syncs it.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), BusError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let wrong = |error| BusError::File { doing: "write", path: path.to_owned(), source: error };
    // a new temporary file has the mode 0600
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(wrong)?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(wrong)?;
    file.persist(path).map_err(|error| wrong(error.error))?;
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(wrong)
}

fn warn_if_open(path: &Path) {
    let Ok(meta) = fs::metadata(path) else { return };
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        tracing::warn!(
            event = "key_readable",
            "{} can be read by others (mode {mode:o}); run: chmod 600 {0}",
            path.display()
        );
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed { public, .. } => write!(f, "Seed({public})"),
            Self::Creds(_) => f.write_str("Creds(…)"),
            Self::Open => f.write_str("Open"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stations_own_keys_are_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("keys");
        let first = StationKeys::own(&dir).unwrap();
        let again = StationKeys::own(&dir).unwrap();
        assert_eq!(first.link.public(), again.link.public());
        assert_eq!(first.app.public(), again.app.public());
        assert_ne!(first.link.public(), first.app.public());
        for name in ["link.nk", "app.nk"] {
            let mode = fs::metadata(dir.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_seed_is_not_in_debug_output_nor_in_errors() {
        let key = Credential::generate().unwrap();
        let Credential::Seed { seed, .. } = &key else { panic!("a seed") };
        assert!(!format!("{key:?}").contains(seed.as_str()));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("station.nk");
        fs::write(&path, format!("{seed}x")).unwrap();
        let error = Credential::load(&path).unwrap_err().to_string();
        assert!(error.contains("station.nk") && error.contains("SU…"), "{error}");
        assert!(!error.contains(seed.as_str()), "{error}");
    }

    #[test]
    fn seeds_of_accounts_and_empty_files_are_refused_with_what_is_valid() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let account = KeyPair::new_account().seed().unwrap();
        for (content, why) in
            [(account.as_str(), "Account"), ("", "no line"), ("a\nb", "more than one")]
        {
            fs::write(&path, content).unwrap();
            let error = Credential::load(&path).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("valid is"), "{error}");
        }
        let missing = Credential::load(&dir.path().join("none")).unwrap_err().to_string();
        assert!(missing.contains("none"), "{missing}");
    }

    #[test]
    fn a_creds_file_is_taken_whole_and_shows_nothing() {
        let seed = KeyPair::new_user().seed().unwrap();
        let text = format!(
            "-----BEGIN NATS USER JWT-----\neyJ0.eyJq.c2ln\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("station.creds");
        fs::write(&path, &text).unwrap();
        let key = Credential::load(&path).unwrap();
        assert_eq!(format!("{key:?}"), "Creds(…)");
        fs::write(&path, text.replace(&seed, "SUBROKEN")).unwrap();
        let error = Credential::load(&path).unwrap_err().to_string();
        assert!(error.contains("station.creds") && !error.contains("SUBROKEN"), "{error}");
    }

    #[test]
    fn credentials_for_an_external_bus_are_one_file_or_a_directory_of_two() {
        let dir = tempfile::tempdir().unwrap();
        let seeds = [KeyPair::new_user().seed().unwrap(), KeyPair::new_user().seed().unwrap()];
        fs::write(dir.path().join("link"), &seeds[0]).unwrap();
        fs::write(dir.path().join("app"), &seeds[1]).unwrap();
        let two = StationKeys::external(dir.path()).unwrap();
        assert_ne!(two.link.public(), two.app.public());
        let one = StationKeys::external(&dir.path().join("app")).unwrap();
        assert_eq!(one.link.public(), one.app.public());
    }
}
