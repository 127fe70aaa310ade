//! [`Effective`]: all settings as they hold, and what tells those of two starts apart.

use std::collections::BTreeMap;
use std::fmt;

use config::{Value, ValueKind};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::secret;

/// Every setting that has a value. Secrets are in it, so nothing of it is ever printed as it is.
#[derive(Clone, Default)]
pub struct Effective(pub(super) BTreeMap<&'static str, Value>);

impl fmt::Debug for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Effective({} settings)", self.0.len())
    }
}

impl Effective {
    /// The mark of each setting: another value has another mark. With a salt of one's own, marks
    /// tell nobody what a secret is.
    pub fn marks(&self, salt: &[u8]) -> BTreeMap<String, String> {
        let mark = |name: &str, value: &Value| {
            let mut hash = Sha256::new();
            hash.update(salt);
            hash.update(name.as_bytes());
            hash.update(written(&value.kind).as_bytes());
            HEXLOWER.encode(&hash.finalize())
        };
        let marks = self.0.iter().map(|(name, value)| ((*name).to_owned(), mark(name, value)));
        marks.collect()
    }

    /// A setting as it may be shown; none if it has no value.
    pub fn shown(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| secret::shown(name, value))
    }
}

/// A value in one way of writing, whatever the order in which its table was read.
fn written(kind: &ValueKind) -> String {
    match kind {
        ValueKind::Table(table) => {
            let sorted: BTreeMap<_, _> = table.iter().collect();
            let each =
                sorted.iter().map(|(name, value)| format!("{name:?}={}", written(&value.kind)));
            format!("{{{}}}", each.collect::<Vec<_>>().join(","))
        }
        ValueKind::Array(values) => {
            let each = values.iter().map(|value| written(&value.kind));
            format!("[{}]", each.collect::<Vec<_>>().join(","))
        }
        other => format!("{:?}", other.to_string()),
    }
}
