//! [`OwnSeal`] and [`Register`]: Ed25519 seals, made with the station's nkey and known by the
//! topology's public keys. And [`Notary`], which signs what is no frame with the same key.
//!
//! Promise: a signature counts only if it is a valid one by `verify_strict`: what two stations
//! could judge differently (weak keys, other encodings) is valid nowhere.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use data_encoding::BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use yizhan_core::seal::{NoKeys, SealFault, Signet, Specimens};
use yizhan_schemas::Code;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::seal::{Algorithm, KeyId, Stamp, signed};
use yizhan_topology::Topology;

use crate::bus::Credential;

/// What the links of a station make seals with, and know them by.
#[derive(Debug, Clone)]
pub struct Seals {
    /// This station's own.
    pub signet: Arc<dyn Signet>,
    /// Everybody's.
    pub register: Arc<Register>,
}

impl Seals {
    /// Those of a station with this key in this topology.
    ///
    /// # Errors
    /// What is wrong with the key, in words.
    pub fn of(key: Option<&Credential>, topology: &Topology) -> Result<Self, String> {
        let signet: Arc<dyn Signet> = match key.and_then(seed_of) {
            Some(seed) => Arc::new(OwnSeal::of_seed(seed)?),
            None => Arc::new(NoKeys),
        };
        Ok(Self { signet, register: Arc::new(Register::of(topology)) })
    }

    /// Where nothing is sealed.
    pub fn none() -> Self {
        Self { signet: Arc::new(NoKeys), register: Arc::default() }
    }
}

/// The seed of a credential; a .creds file has it behind its JWT.
fn seed_of(key: &Credential) -> Option<&str> {
    match key {
        Credential::Seed { seed, .. } => Some(seed),
        Credential::Creds(text) => text.lines().map(str::trim).find(|line| line.starts_with("SU")),
        Credential::Open => None,
    }
}

/// A station's own seal.
pub struct OwnSeal {
    key: SigningKey,
    id: KeyId,
}

impl std::fmt::Debug for OwnSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnSeal({:?})", self.id)
    }
}

impl OwnSeal {
    /// The seal that is made with an nkey's seed.
    ///
    /// # Errors
    /// It is none; the words do not repeat it.
    pub fn of_seed(seed: &str) -> Result<Self, String> {
        let (_, secret) = nkeys::decode_seed(seed).map_err(|_| "it is no nkey seed".to_owned())?;
        let key = SigningKey::from_bytes(&secret);
        let id = KeyId::of(key.verifying_key().as_bytes());
        Ok(Self { key, id })
    }
}

impl Signet for OwnSeal {
    fn stamp(&self, leaves: u32, root: Digest) -> Option<Stamp> {
        let signature = self.key.sign(&signed(leaves, root)).to_bytes().to_vec().into();
        Some(Stamp { algorithm: Algorithm::Ed25519Sha256, key: self.id, leaves, signature })
    }
}

/// A station's key for words that are no frame. Whoever uses it begins its words with what they are,
/// so that a signature is good for nothing else.
pub struct Notary {
    key: SigningKey,
    public: String,
}

impl std::fmt::Debug for Notary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Notary({})", self.public)
    }
}

impl Notary {
    /// The notary that signs with this key, if it is one that can sign.
    pub fn of(key: &Credential) -> Option<Self> {
        let seed = seed_of(key)?;
        let public = nkeys::KeyPair::from_seed(seed).ok()?.public_key();
        Some(Self { key: OwnSeal::of_seed(seed).ok()?.key, public })
    }

    /// The public nkey.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The signature of some words, in Base64.
    pub fn sign(&self, words: &[u8]) -> String {
        BASE64.encode(&self.key.sign(words).to_bytes())
    }
}

/// True if a [`Notary`] with this public nkey has signed these words.
pub fn is_signed(public: &str, words: &[u8], signature: &str) -> bool {
    let key = nkeys::from_public_key(public).ok().map(|(_, key)| key);
    let key = key.and_then(|key| VerifyingKey::from_bytes(&key).ok());
    let signature = BASE64.decode(signature.as_bytes()).ok();
    let signature = signature.and_then(|bytes| Signature::from_slice(&bytes).ok());
    key.zip(signature).is_some_and(|(key, it)| key.verify_strict(words, &it).is_ok())
}

/// The public keys of all stations; changed while the station runs, when the root says so.
#[derive(Debug, Default)]
pub struct Register(RwLock<BTreeMap<KeyId, (Code, VerifyingKey)>>);

impl Register {
    /// Those that the topology lists. One that is no point of the curve is no key: what is signed
    /// with it is refused like anything else that nobody knows.
    pub fn of(topology: &Topology) -> Self {
        let register = Self::default();
        register.follow(topology);
        register
    }

    /// Believes the keys that this topology lists, and no others.
    pub fn follow(&self, topology: &Topology) {
        let keys = topology.stations().flat_map(|station| {
            topology.believed(&station.keys).filter_map(|text| {
                let Ok((_, public)) = nkeys::from_public_key(text) else {
                    tracing::error!(
                        event = "key_malformed",
                        station = %station.code,
                        key = text,
                        "is no public nkey"
                    );
                    return None;
                };
                let key = VerifyingKey::from_bytes(&public).ok()?;
                Some((KeyId::of(&public), (station.code.clone(), key)))
            })
        });
        let keys = keys.collect();
        // nothing can panic while it is held
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}

impl Specimens for Register {
    fn owner(&self, stamp: &Stamp, root: Digest) -> Result<Code, SealFault> {
        if stamp.algorithm != Algorithm::Ed25519Sha256 {
            return Err(SealFault::Algorithm);
        }
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (owner, key) = keys.get(&stamp.key).ok_or(SealFault::Key)?;
        let signature = Signature::from_slice(&stamp.signature);
        let valid = signature.and_then(|it| key.verify_strict(&signed(stamp.leaves, root), &it));
        valid.map(|()| owner.clone()).map_err(|_| SealFault::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology(keys: &[&Credential]) -> Topology {
        let keys: Vec<_> = keys.iter().map(|key| format!("{:?}", key.public().unwrap())).collect();
        let text = format!(
            "[county]\nname = \"三台县\"\ntiers = [\"county\"]\n\
             [[station]]\ncode = \"510722\"\nname = \"三台县\"\nkey = [{}]\n",
            keys.join(", ")
        );
        Topology::read("t.toml", &text).unwrap()
    }

    #[test]
    fn a_seal_is_known_by_any_key_that_the_topology_lists_and_by_no_other() {
        let [new, old, other] = [0; 3].map(|_| Credential::generate().unwrap());
        let topology = topology(&[&new, &old]);
        let root = Digest([7; 16]);
        let owner = |key: &Credential, leaves, root| {
            let seals = Seals::of(Some(key), &topology).unwrap();
            let stamp = seals.signet.stamp(3, Digest([7; 16])).unwrap();
            seals.register.owner(&Stamp { leaves, ..stamp }, root)
        };
        let here = Code::parse("510722").unwrap();
        assert_eq!(owner(&new, 3, root), Ok(here.clone()));
        assert_eq!(owner(&old, 3, root), Ok(here));
        assert_eq!(owner(&other, 3, root), Err(SealFault::Key));
        assert_eq!(owner(&new, 4, root), Err(SealFault::Signature));
        assert_eq!(owner(&new, 3, Digest([8; 16])), Err(SealFault::Signature));
    }

    #[test]
    fn whatever_byte_of_a_signature_is_changed_it_is_none_any_more() {
        let key = Credential::generate().unwrap();
        let seals = Seals::of(Some(&key), &topology(&[&key])).unwrap();
        let stamp = seals.signet.stamp(3, Digest([7; 16])).unwrap();
        let owner = |stamp: &Stamp| seals.register.owner(stamp, Digest([7; 16]));
        assert!(owner(&stamp).is_ok());
        for at in 0..64 {
            let mut signature = stamp.signature.to_vec();
            signature[at] ^= 1;
            let altered = Stamp { signature: signature.into(), ..stamp.clone() };
            assert_eq!(owner(&altered), Err(SealFault::Signature), "byte {at}");
        }
        let short = Stamp { signature: stamp.signature.slice(..63), ..stamp.clone() };
        assert_eq!(owner(&short), Err(SealFault::Signature));
        let later = Stamp { algorithm: Algorithm::Other(2), ..stamp };
        assert_eq!(owner(&later), Err(SealFault::Algorithm));
    }

    #[test]
    fn a_station_without_a_key_signs_nothing_and_shows_none() {
        let key = Credential::generate().unwrap();
        let seals = Seals::of(None, &topology(&[&key])).unwrap();
        assert_eq!(seals.signet.stamp(1, Digest([0; 16])), None);
        let Credential::Seed { seed, .. } = &key else { panic!("a seed") };
        let shown = format!("{:?}", Seals::of(Some(&key), &topology(&[&key])).unwrap());
        assert!(!shown.contains(seed.as_str()), "{shown}");
    }
}
