//! [`Signets`]: pretend seals, cheap enough for a thousand stories.
//!
//! Whoever knows a station's public key could make its seals; nobody in a story does. Everything
//! around the signature is what stations use: digests, trees, subsets, the register of keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use yizhan_core::seal::{SealFault, Signet, Specimens};
use yizhan_schemas::Code;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::seal::{Algorithm, KeyId, Stamp, signed};

/// Not a number that a real seal has.
const ALGORITHM: Algorithm = Algorithm::Other(255);
/// As long as a real one.
const SIGNATURE_BYTES: usize = 64;

/// The public key of a station, as the topology file has it: nobody looks further than whether there
/// is one.
pub fn key(at: usize) -> String {
    let letter = |digit: u8| char::from(b'A' + digit - b'0');
    let digits: String = format!("{at:055}").bytes().map(letter).collect();
    format!("U{digits}")
}

/// The seals of all stations of a story.
#[derive(Debug, Clone)]
pub struct Signets(Arc<BTreeMap<KeyId, Code>>);

/// The seal of one.
#[derive(Debug, Clone)]
pub struct OneSignet(KeyId);

impl Signets {
    /// Of these stations, by index.
    pub fn of(codes: &[Code]) -> Self {
        let ids = codes.iter().map(|code| (id_of(code), code.clone()));
        Self(Arc::new(ids.collect()))
    }

    /// That of one station.
    pub fn one(&self, code: &Code) -> OneSignet {
        OneSignet(id_of(code))
    }
}

fn id_of(code: &Code) -> KeyId {
    KeyId::of(code.as_str().as_bytes())
}

/// Anything that differs wherever the key or what is signed does.
fn signature(key: KeyId, leaves: u32, root: Digest) -> Vec<u8> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in key.0.into_iter().chain(signed(leaves, root)) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    hash.to_be_bytes().repeat(SIGNATURE_BYTES / 8)
}

impl Signet for OneSignet {
    fn stamp(&self, leaves: u32, root: Digest) -> Option<Stamp> {
        let signature = signature(self.0, leaves, root).into();
        Some(Stamp { algorithm: ALGORITHM, key: self.0, leaves, signature })
    }
}

impl Specimens for Signets {
    fn owner(&self, stamp: &Stamp, root: Digest) -> Result<Code, SealFault> {
        if stamp.algorithm != ALGORITHM {
            return Err(SealFault::Algorithm);
        }
        let owner = self.0.get(&stamp.key).ok_or(SealFault::Key)?;
        let valid = signature(stamp.key, stamp.leaves, root) == stamp.signature;
        if valid { Ok(owner.clone()) } else { Err(SealFault::Signature) }
    }
}
