//! [`Identity`]: the seeds, tokens and certificates of a kit.

use std::net::SocketAddr;

use nkeys::KeyPair;

use super::places::Places;
use super::{Given, KitError, KitFile, open, private};
use crate::http::{Role, tokens};
use crate::tls::{Issued, Wanted};

/// Who the station is, to whom.
pub(super) struct Identity {
    pub(super) files: Vec<KitFile>,
    /// Public keys of the station on a bus that others run: `LINK`, `APP`.
    pub(super) bus_keys: [String; 2],
    /// Hashes of the tokens of the HTTP interface; none on loopback, where none is asked for.
    pub(super) tokens: Vec<(Role, String)>,
    pub(super) new_certificates: usize,
}

impl Identity {
    pub(super) fn of(given: &Given<'_>, places: &Places) -> Result<Self, KitError> {
        let mut files = vec![
            private("keys/station.nk", format!("{}\n", given.seed)),
            open("tls/ca.crt", given.authority.certificate().to_owned()),
        ];
        let mut new_certificates = 0;
        let station = Wanted {
            whom: given.code.to_string(),
            names: places.names.clone(),
            server: true,
            lasts: given.lasts,
        };
        let paths = ["tls/station.crt", "tls/station.key"];
        let issued = issued(given, &station, paths)?;
        new_certificates += usize::from(issued.new);
        files.extend(certificate(paths, issued));
        for (name, seed) in given.application_seeds {
            let wanted = Wanted {
                whom: format!("{name}@{}", given.code),
                names: vec![],
                server: false,
                ..station.clone()
            };
            let [cert, key] = ["crt", "key"].map(|end| format!("keys/apps/{name}.{end}"));
            let paths = [cert.as_str(), key.as_str()];
            let issued = self::issued(given, &wanted, paths)?;
            new_certificates += usize::from(issued.new);
            files.push(private(&format!("keys/apps/{name}.nk"), format!("{seed}\n")));
            files.extend(certificate(paths, issued));
        }
        let mut bus_key = |path: &str| {
            let before = (given.before)(path).and_then(|seed| KeyPair::from_seed(seed.trim()).ok());
            let pair = before.unwrap_or_else(KeyPair::new_user);
            let seed = pair.seed().map_err(KitError::Key)?;
            files.push(private(path, format!("{seed}\n")));
            Ok::<_, KitError>(pair.public_key())
        };
        let bus_keys = [bus_key("keys/bus/link")?, bus_key("keys/bus/app")?];
        let (token_files, tokens) = tokens_for(given, places.http).into_iter().unzip();
        files.extend::<Vec<_>>(token_files);
        Ok(Self { files, bus_keys, tokens, new_certificates })
    }
}

fn issued(given: &Given<'_>, wanted: &Wanted, paths: [&str; 2]) -> Result<Issued, KitError> {
    let before = paths.map(|path| (given.before)(path));
    let before = match &before {
        [Some(certificate), Some(key)] => Some((certificate.as_str(), key.as_str())),
        _ => None,
    };
    Ok(given.authority.issue(wanted, before)?)
}

fn certificate([cert, key]: [&str; 2], issued: Issued) -> [KitFile; 2] {
    [open(cert, issued.certificate), private(key, issued.key)]
}

/// A token for each role, if others than this machine can come in.
fn tokens_for(given: &Given<'_>, http: SocketAddr) -> Vec<(KitFile, (Role, String))> {
    if http.ip().is_loopback() {
        return Vec::new();
    }
    let one = |role: Role| {
        let path = format!("keys/http/{role}.token");
        let before = (given.before)(&path).map(|text| text.trim().to_owned());
        let good = before.filter(|token| token.len() >= tokens::TOKEN_BYTES_MIN);
        let token =
            good.unwrap_or_else(|| data_encoding::HEXLOWER.encode(&rand::random::<[u8; 32]>()));
        (private(&path, format!("{token}\n")), (role, tokens::hashed(&token)))
    };
    [Role::Operator, Role::Publisher, Role::Reader].map(one).into()
}
