//! [`Authority`]: the county's own certificate authority, for `yizhan topology render`.
//!
//! Promise: its key is readable for its owner alone and never leaves its directory; a certificate
//! that is good for another third of its life, and is what is wanted, is kept as it is; a key that
//! is there is kept, so a renewed certificate needs no restart of whoever holds the key.

use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::TlsError;

/// How long the authority itself lasts. Its end ends every certificate of the county, so it is far
/// off, and announced by the end of theirs.
const AUTHORITY_DAYS: u32 = 3650;
/// Certificates begin so long ago: clocks differ.
const BEFORE_SECONDS: i64 = 86_400;
const DAY_SECONDS: i64 = 86_400;
/// The authority's files.
pub const CERTIFICATE_FILE: &str = "ca.crt";
/// Its secret.
pub const KEY_FILE: &str = "ca.key";

/// From when and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Lasts {
    /// Now, seconds since 1970.
    pub now: i64,
    /// For so many days.
    pub days: u32,
}

/// A certificate that somebody needs.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// A station's code, or `name@code`.
    pub whom: String,
    /// Host names and addresses by which others come.
    pub names: Vec<String>,
    /// For servers too; else for clients only.
    pub server: bool,
    /// When.
    pub lasts: Lasts,
}

/// A certificate with its key, both PEM.
#[derive(Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
    /// False if this is what was there before.
    pub new: bool,
}

/// The county's authority.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// The authority in a directory; made there if there is none yet.
    ///
    /// # Errors
    /// What is there is no authority, or not whole, or none can be written.
    pub fn at(dir: &Path, county: &str, now: i64) -> Result<Self, TlsError> {
        let (certificate_file, key_file) = (dir.join(CERTIFICATE_FILE), dir.join(KEY_FILE));
        let wrong = |why: String| TlsError::Authority { path: certificate_file.clone(), why };
        if certificate_file.exists() || key_file.exists() {
            let read = |path: &Path| fs::read_to_string(path).map_err(TlsError::file("read", path));
            let (certificate, key) = (read(&certificate_file)?, read(&key_file)?);
            // the library's message could repeat what it read
            let key = KeyPair::from_pem(&key).map_err(|_| TlsError::Authority {
                path: key_file,
                why: "it holds no PEM key".to_owned(),
            })?;
            if !fits(&certificate, &key) {
                return Err(wrong(format!("{KEY_FILE} beside it is not its key")));
            }
            let issuer = Issuer::from_ca_cert_pem(&certificate, key);
            let issuer = issuer.map_err(|error| wrong(error.to_string()))?;
            return Ok(Self { certificate, issuer });
        }
        let params = authority_params(county, now);
        let unmade = |why: rcgen::Error| TlsError::Unmade {
            whom: format!("the authority of {county}"),
            why: why.to_string(),
        };
        let key = KeyPair::generate().map_err(unmade)?;
        let certificate = params.self_signed(&key).map_err(unmade)?.pem();
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(TlsError::file("make the directory", dir))?;
        // the key first: a certificate without its key would be of no use to anybody
        write(dir, &key_file, &key.serialize_pem(), 0o600)?;
        write(dir, &certificate_file, &certificate, 0o644)?;
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// Its certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for somebody; `before` is the certificate and key that there are already.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn issue(&self, wanted: &Wanted, before: Option<(&str, &str)>) -> Result<Issued, TlsError> {
        let unmade = |why: rcgen::Error| TlsError::Unmade {
            whom: wanted.whom.clone(),
            why: why.to_string(),
        };
        // a key that cannot be read is replaced with its certificate
        let key = before.and_then(|(_, key)| Some((KeyPair::from_pem(key).ok()?, key.to_owned())));
        if let (Some((pair, key)), Some((certificate, _))) = (&key, before)
            && self.is_good(certificate, pair, wanted)
        {
            let (certificate, key) = (certificate.to_owned(), key.clone());
            return Ok(Issued { certificate, key, new: false });
        }
        let (pair, key) = match key {
            Some(kept) => kept,
            None => {
                let pair = KeyPair::generate().map_err(unmade)?;
                let pem = pair.serialize_pem();
                (pair, pem)
            }
        };
        let certificate = params(wanted).signed_by(&pair, &self.issuer).map_err(unmade)?.pem();
        Ok(Issued { certificate, key, new: true })
    }

    /// True if a certificate is ours, for this key, for these names, and good for another third of
    /// its life.
    fn is_good(&self, certificate: &str, key: &KeyPair, wanted: &Wanted) -> bool {
        let (Some(own), Some(der)) = (der(&self.certificate), der(certificate)) else {
            return false;
        };
        let parsed = (X509Certificate::from_der(&own), X509Certificate::from_der(&der));
        let (Ok((_, own)), Ok((_, there))) = parsed else { return false };
        let validity = there.validity();
        let (from, to) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        let lasting = to - wanted.lasts.now > (to - from) / 3 && wanted.lasts.now >= from;
        let server =
            matches!(there.extended_key_usage(), Ok(Some(usage)) if usage.value.server_auth);
        let mut wanted_names: Vec<String> = wanted.names.clone();
        wanted_names.sort();
        lasting
            && server == wanted.server
            && names(&there) == wanted_names
            && fits(certificate, key)
            && there.verify_signature(Some(own.public_key())).is_ok()
    }
}

/// When a certificate ends, seconds since 1970.
pub(super) fn ends(der: &[u8]) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

fn authority_params(county: &str, now: i64) -> CertificateParams {
    let mut params = bare(&format!("yizhan {county}"), Lasts { now, days: AUTHORITY_DAYS });
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn params(wanted: &Wanted) -> CertificateParams {
    let mut params = bare(&wanted.whom, wanted.lasts);
    let name = |name: &String| match name.parse::<IpAddr>() {
        Ok(ip) => Some(SanType::IpAddress(ip)),
        Err(_) => Some(SanType::DnsName(name.clone().try_into().ok()?)),
    };
    params.subject_alt_names = wanted.names.iter().filter_map(name).collect();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if wanted.server {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    params.use_authority_key_identifier_extension = true;
    params
}

fn bare(name: &str, lasts: Lasts) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    // a serial of its own: by default it follows from the key, which renewals keep
    params.serial_number = Some(SerialNumber::from_slice(&rand::random::<[u8; 16]>()));
    params.not_before = moment(lasts.now - BEFORE_SECONDS);
    params.not_after = moment(lasts.now + i64::from(lasts.days) * DAY_SECONDS);
    params
}

fn moment(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// True if the key is that of the certificate.
fn fits(certificate: &str, key: &KeyPair) -> bool {
    let Some(der) = der(certificate) else { return false };
    let Ok((_, certificate)) = X509Certificate::from_der(&der) else { return false };
    certificate.public_key().subject_public_key.data.as_ref() == key.public_key_raw()
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let found = certificate.subject_alternative_name().ok().flatten();
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
            Ok(v4) => IpAddr::from(v4).to_string(),
            Err(_) => <[u8; 16]>::try_from(*bytes)
                .map_or_else(|_| "?".to_owned(), |v6| IpAddr::from(v6).to_string()),
        },
        _ => "?".to_owned(),
    };
    let mut names: Vec<String> =
        found.iter().flat_map(|names| names.value.general_names.iter().map(name)).collect();
    names.sort();
    names
}

fn der(pem: &str) -> Option<Vec<u8>> {
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).ok()?;
    Some(block.contents)
}

fn write(dir: &Path, path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    use std::os::unix::fs::PermissionsExt as _;
    let written = || {
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(text.as_bytes())?;
        file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map(drop).map_err(|error| error.error)
    };
    written().map_err(TlsError::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn wanted(now: i64) -> Wanted {
        let names = ["localhost", "127.0.0.1", "::1", "10.72.0.1", "hub.santai.example"];
        let names = names.map(str::to_owned).to_vec();
        Wanted { whom: "510722".into(), names, server: true, lasts: Lasts { now, days: 397 } }
    }

    #[test]
    fn an_authority_is_made_once_and_its_key_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("ca");
        let first = Authority::at(&dir, "三台县", NOW).unwrap();
        let again = Authority::at(&dir, "三台县", NOW + 1).unwrap();
        assert_eq!(first.certificate(), again.certificate());
        let mode = fs::metadata(dir.join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // one made from memory and one read from its files issue for the same authority
        let issued = first.issue(&wanted(NOW), None).unwrap();
        let kept = again.issue(&wanted(NOW), Some((&issued.certificate, &issued.key))).unwrap();
        assert!(issued.new && !kept.new);
        fs::remove_file(dir.join(KEY_FILE)).unwrap();
        let error = Authority::at(&dir, "三台县", NOW).err().unwrap().to_string();
        assert!(error.contains("ca.key"), "{error}");
    }

    #[test]
    fn a_certificate_is_renewed_in_the_last_third_of_its_life_or_when_it_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::at(dir.path(), "三台县", NOW).unwrap();
        let first = authority.issue(&wanted(NOW), None).unwrap();
        let again = |wanted: &Wanted| {
            authority.issue(wanted, Some((&first.certificate, &first.key))).unwrap()
        };
        let later = |days: i64| again(&wanted(NOW + days * DAY_SECONDS));
        assert!(!later(260).new);
        let renewed = later(270);
        assert!(renewed.new && renewed.certificate != first.certificate);
        assert_eq!(renewed.key, first.key, "whoever holds the key needs no restart");
        let mut moved = wanted(NOW);
        moved.names.push("10.72.0.2".to_owned());
        assert!(again(&moved).new);
        assert!(again(&Wanted { server: false, ..wanted(NOW) }).new);
        let other = Authority::at(&dir.path().join("other"), "三台县", NOW).unwrap();
        let before = Some((first.certificate.as_str(), first.key.as_str()));
        assert!(other.issue(&wanted(NOW), before).unwrap().new);
        let torn = Some((first.certificate.as_str(), "torn"));
        assert_ne!(authority.issue(&wanted(NOW), torn).unwrap().key, first.key);
    }
}
