//! [`TlsFiles`]: authority, certificate and key of a station, as files that fit each other.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, RootCertStore};

use super::TlsError;

/// `[tls]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// `tls.ca`: the certificate of the county's authority.
    pub ca: PathBuf,
    /// `tls.cert`: the station's certificate.
    pub cert: PathBuf,
    /// `tls.key`: its key.
    pub key: PathBuf,
}

/// What the files hold.
pub(super) struct Material {
    pub(super) ca: Vec<u8>,
    pub(super) cert: Vec<u8>,
    pub(super) key: Vec<u8>,
    pub(super) certified: Arc<CertifiedKey>,
    /// When the certificate ends, seconds since 1970.
    pub(super) ends: i64,
    /// Set if the certificate does not hold at this moment, by this machine's clock.
    pub(super) untimely: Option<Untimely>,
}

/// A certificate at the wrong time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Untimely {
    /// It was good.
    #[error("it has expired")]
    Expired,
    /// It will be good.
    #[error("it is not valid yet: is this machine's clock right?")]
    Early,
}

/// One provider for all, said out loud: a default of the process could be another one.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

const VALID_CA: &str =
    "the PEM certificate of the county's authority, ca.crt of `yizhan topology render`";
const VALID_CERT: &str = "a PEM certificate of that authority for server and client use, \
                          station.crt of `yizhan topology render`";
const VALID_KEY: &str = "the PEM key of tls.cert, station.key of `yizhan topology render`";

impl TlsFiles {
    /// Reads all three and tries whether they fit. That the certificate is not valid *now* is
    /// noted, and is no error: this machine's clock may be the one that is wrong.
    pub(super) fn read(&self) -> Result<Material, TlsError> {
        let bad = |name, path: &Path, valid| {
            let path = path.to_owned();
            move |why: String| TlsError::Bad { key: name, path, why, valid }
        };
        let bad_ca = || bad("tls.ca", &self.ca, VALID_CA);
        let bad_cert = || bad("tls.cert", &self.cert, VALID_CERT);
        let bad_key = || bad("tls.key", &self.key, VALID_KEY);
        let read =
            |path: &Path| fs::read(path).map_err(|error| format!("it cannot be read: {error}"));
        let ca = read(&self.ca).map_err(bad_ca())?;
        let cert = read(&self.cert).map_err(bad_cert())?;
        let key = read(&self.key).map_err(bad_key())?;
        let mut roots = RootCertStore::empty();
        for root in certificates(&ca).map_err(bad_ca())? {
            roots.add(root).map_err(|error| bad_ca()(error.to_string()))?;
        }
        let chain = certificates(&cert).map_err(bad_cert())?;
        // the library's message could repeat what it read
        let der = PrivateKeyDer::from_pem_slice(&key);
        let der = der.map_err(|_| bad_key()("it holds no PEM key".to_owned()))?;
        let provider = provider();
        let certified = CertifiedKey::from_der(chain.clone(), der, &provider)
            .map_err(|error| bad_key()(error.to_string()))?;
        let untimely = judge(roots, &chain, &provider).map_err(bad_cert())?;
        let ends = chain.first().and_then(|first| super::authority::ends(first)).unwrap_or(0);
        Ok(Material { ca, cert, key, certified: Arc::new(certified), ends, untimely })
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err("it holds no PEM certificate".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether others will take the certificate, as a server's and as a client's.
fn judge(
    roots: RootCertStore,
    chain: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Untimely>, String> {
    let (first, rest) = chain.split_first().ok_or("it holds no certificate")?;
    let (roots, now) = (Arc::new(roots), UnixTime::now());
    let server = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone());
    let server = server.build().map_err(|error| error.to_string())?;
    let client = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
    let client = client.build().map_err(|error| error.to_string())?;
    let name = ServerName::try_from("localhost").map_err(|error| error.to_string())?;
    let verdicts = [
        server.verify_server_cert(first, rest, &name, &[], now).map(drop),
        client.verify_client_cert(first, rest, now).map(drop),
    ];
    let mut untimely = None;
    for verdict in verdicts {
        use CertificateError as Of;
        match verdict {
            // by which name others come is theirs to know
            Ok(())
            | Err(rustls::Error::InvalidCertificate(
                Of::NotValidForName | Of::NotValidForNameContext { .. },
            )) => {}
            Err(rustls::Error::InvalidCertificate(Of::Expired | Of::ExpiredContext { .. })) => {
                untimely = Some(Untimely::Expired);
            }
            Err(rustls::Error::InvalidCertificate(
                Of::NotValidYet | Of::NotValidYetContext { .. },
            )) => untimely = Some(Untimely::Early),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(untimely)
}
