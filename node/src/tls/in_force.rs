//! [`Tls`]: the set of files in force, and its renewal while the station runs.
//!
//! The files of the configuration are looked at; what was found good is copied into a directory of
//! the station's own, and only those copies are given to others. So a half-written or wrong new
//! file is never met by a bus that restarts or a link that reconnects.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::acceptor::Shown;
use super::files::{Material, Untimely};
use super::{Acceptor, TlsError, TlsFiles};

/// The set of files in force.
#[derive(Debug)]
pub struct Tls {
    configured: TlsFiles,
    kept: TlsFiles,
    shown: Arc<Shown>,
    acceptor: Acceptor,
    /// Hash of what was looked at last, good or bad, so that a fault is said once.
    seen: Mutex<[u8; 32]>,
}

impl Tls {
    /// Takes the configured files into force; copies go to `dir`, which only the owner may read.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn open(configured: &TlsFiles, dir: &Path) -> Result<Self, TlsError> {
        let material = configured.read()?;
        warn_of(&material, configured);
        fs::create_dir_all(dir).map_err(TlsError::file("make the directory", dir))?;
        fs::set_permissions(dir, Permissions::from_mode(0o700))
            .map_err(TlsError::file("restrict the directory", dir))?;
        let kept = TlsFiles {
            ca: dir.join("ca.crt"),
            cert: dir.join("station.crt"),
            key: dir.join("station.key"),
        };
        keep(&kept, &material)?;
        let shown = Arc::new(Shown::new(material.certified.clone()));
        let acceptor = Acceptor::new(shown.clone()).map_err(|error| TlsError::Unmade {
            whom: "the HTTP listener".to_owned(),
            why: error.to_string(),
        })?;
        tell(&material);
        let seen = Mutex::new(hash(configured));
        Ok(Self { configured: configured.clone(), kept, shown, acceptor, seen })
    }

    /// The files that others may use: always good ones.
    pub fn files(&self) -> &TlsFiles {
        &self.kept
    }

    /// For listeners.
    pub fn acceptor(&self) -> Acceptor {
        self.acceptor.clone()
    }

    /// Looks at the configured files again and takes them into force if they are other ones:
    /// `true`. Those who read [`Tls::files`] only once have to be told by the caller.
    ///
    /// # Errors
    /// The new files are no good; the old ones stay in force. Said once for each new content.
    pub fn renew(&self) -> Result<bool, TlsError> {
        let now = hash(&self.configured);
        let before = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *seen, now)
        };
        if before == now {
            return Ok(false);
        }
        let material = self.configured.read()?;
        if material.untimely == Some(Untimely::Expired) {
            let (path, why) = (self.configured.cert.clone(), Untimely::Expired.to_string());
            let valid = "a certificate that is valid now";
            return Err(TlsError::Bad { key: "tls.cert", path, why, valid });
        }
        // one of tomorrow is taken: the clock of a box that has just got power may be years behind
        warn_of(&material, &self.configured);
        keep(&self.kept, &material)?;
        self.shown.replace(material.certified.clone());
        tell(&material);
        Ok(true)
    }
}

fn warn_of(material: &Material, configured: &TlsFiles) {
    if let Some(why) = material.untimely {
        tracing::error!(
            event = "certificate_untimely",
            "{}: {why}; neighbours will refuse it as long as that is so (`yizhan topology render` \
             renews it)",
            configured.cert.display()
        );
    }
}

/// The hash of all three files; one that cannot be read counts as empty.
fn hash(files: &TlsFiles) -> [u8; 32] {
    let mut hash = Sha256::new();
    for path in [&files.ca, &files.cert, &files.key] {
        let bytes = fs::read(path).unwrap_or_default();
        hash.update(bytes.len().to_le_bytes());
        hash.update(bytes);
    }
    hash.finalize().into()
}

fn keep(kept: &TlsFiles, material: &Material) -> Result<(), TlsError> {
    for (path, content) in
        [(&kept.ca, &material.ca), (&kept.key, &material.key), (&kept.cert, &material.cert)]
    {
        write_private(path, content).map_err(TlsError::file("write", path))?;
    }
    Ok(())
}

/// Whole or not at all, for its owner alone: a new temporary file has the mode 0600.
fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn tell(material: &Material) {
    metrics::gauge!("yizhan_tls_certificate_ends_seconds").set(material.ends as f64);
}

#[cfg(test)]
mod tests {
    use super::super::authority::{Authority, Lasts, Wanted};
    use super::*;

    fn wanted(days: u32) -> Wanted {
        let lasts = Lasts { now: jiff::Timestamp::now().as_second(), days };
        Wanted { whom: "510722".into(), names: vec!["localhost".into()], server: true, lasts }
    }

    fn files(dir: &Path) -> TlsFiles {
        let at = |name| dir.join(name);
        TlsFiles { ca: at("ca.crt"), cert: at("station.crt"), key: at("station.key") }
    }

    fn issue(authority: &Authority, dir: &Path) {
        let issued = authority.issue(&wanted(30), None).unwrap();
        let files = files(dir);
        fs::write(files.ca, authority.certificate()).unwrap();
        fs::write(files.cert, issued.certificate).unwrap();
        fs::write(files.key, issued.key).unwrap();
    }

    #[test]
    fn new_files_come_into_force_and_bad_ones_leave_the_old_ones_there() {
        let dir = tempfile::tempdir().unwrap();
        let (dir, own) = (dir.path(), dir.path().join("own"));
        let now = jiff::Timestamp::now().as_second();
        let authority = Authority::at(&dir.join("ca"), "三台县", now).unwrap();
        issue(&authority, dir);
        let tls = Tls::open(&files(dir), &own).unwrap();
        assert!(!tls.renew().unwrap(), "nothing new");
        let first = fs::read(&tls.files().cert).unwrap();
        let mode = fs::metadata(&tls.files().key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        issue(&authority, dir);
        assert!(tls.renew().unwrap());
        let second = fs::read(&tls.files().cert).unwrap();
        assert_ne!(first, second);

        // another county's
        let stranger = Authority::at(&dir.join("stranger"), "三台县", now).unwrap();
        let issued = stranger.issue(&wanted(30), None).unwrap();
        fs::write(files(dir).cert, &issued.certificate).unwrap();
        let error = tls.renew().unwrap_err().to_string();
        assert!(error.contains("tls.key = "), "the key does not fit: {error}");
        fs::write(files(dir).key, &issued.key).unwrap();
        let error = tls.renew().unwrap_err().to_string();
        assert!(error.contains("tls.cert = ") && error.contains("station.crt"), "{error}");
        assert!(!tls.renew().unwrap(), "said once");
        assert_eq!(fs::read(&tls.files().cert).unwrap(), second);

        fs::write(files(dir).key, "hello").unwrap();
        let error = tls.renew().unwrap_err().to_string();
        assert!(error.contains("no PEM key") && !error.contains("hello"), "{error}");
        fs::remove_file(files(dir).ca).unwrap();
        assert!(tls.renew().unwrap_err().to_string().contains("tls.ca = "));
    }

    #[test]
    fn an_expired_certificate_is_not_taken_in_place_of_a_good_one() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let now = jiff::Timestamp::now().as_second();
        let authority = Authority::at(&dir.join("ca"), "三台县", now).unwrap();
        issue(&authority, dir);
        let tls = Tls::open(&files(dir), &dir.join("own")).unwrap();
        let old = Lasts { now: now - 100 * 86_400, days: 30 };
        let issued = authority.issue(&Wanted { lasts: old, ..wanted(30) }, None).unwrap();
        fs::write(files(dir).cert, &issued.certificate).unwrap();
        fs::write(files(dir).key, &issued.key).unwrap();
        assert!(tls.renew().unwrap_err().to_string().contains("expired"));
        let later = Lasts { now: now + 100 * 86_400, days: 30 };
        let early = authority.issue(&Wanted { lasts: later, ..wanted(30) }, None).unwrap();
        fs::write(files(dir).cert, &early.certificate).unwrap();
        fs::write(files(dir).key, &early.key).unwrap();
        assert!(tls.renew().unwrap(), "the clock may be behind");
        // a station whose clock may be wrong starts with any
        fs::write(files(dir).cert, &issued.certificate).unwrap();
        fs::write(files(dir).key, &issued.key).unwrap();
        assert!(Tls::open(&files(dir), &dir.join("own")).is_ok());
    }
}
