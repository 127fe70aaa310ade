//! [`Tokens`]: bearer tokens and the roles of those who hold them (`http.tokens`).
//!
//! Only their hashes are kept, and a token presented is compared with all of them in constant
//! time, so neither a dump of the memory's logs nor a stopwatch tells one.

use std::fmt;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Shortest token, bytes.
pub const TOKEN_BYTES_MIN: usize = 16;
/// What a hash begins with that stands in place of a token.
pub const HASHED: &str = "sha256:";

/// What a holder may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Operator,
    /// Post events, and read the pages of messages.
    Publisher,
    /// Read everything.
    Reader,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operator => "operator",
            Self::Publisher => "publisher",
            Self::Reader => "reader",
        })
    }
}

/// A token as it is configured.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Whose it is, for messages and logs.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// The secret; or `sha256:` and its hash in hex, so that a file that others may read can say
    /// who comes in.
    pub token: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} {}, secret)", self.role, self.name)
    }
}

/// Why a token is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "http.tokens: the token of `{name}` {why}; valid is a secret of at least {TOKEN_BYTES_MIN} \
     visible ASCII characters, as from: openssl rand -hex 32"
)]
pub struct BadToken {
    /// Whose it is.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Who holds a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The name.
    pub name: String,
    /// The role.
    pub role: Role,
}

/// All tokens, hashed.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Vec<(Holder, [u8; 32])>);

impl Tokens {
    /// Keeps the hashes of these tokens.
    ///
    /// # Errors
    /// If one is too short, cannot stand in a header, or is that of another holder too.
    pub fn new(tokens: impl IntoIterator<Item = Token>) -> Result<Self, BadToken> {
        let mut kept: Vec<(Holder, [u8; 32])> = Vec::new();
        for Token { name, role, token } in tokens {
            let Some(hash) = hash_of(&token) else {
                return Err(BadToken { name, why: "is not the SHA-256 hash that it says it is" });
            };
            let twice = kept.iter().any(|(_, other)| *other == hash);
            let why = match token.as_bytes() {
                short if short.len() < TOKEN_BYTES_MIN => "is too short",
                odd if !odd.iter().all(u8::is_ascii_graphic) => "has a character that is not valid",
                _ if twice => "is another holder's too",
                _ => {
                    kept.push((Holder { name, role }, hash));
                    continue;
                }
            };
            return Err(BadToken { name, why });
        }
        Ok(Self(kept))
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who holds a token.
    pub fn holder(&self, presented: &str) -> Option<&Holder> {
        let presented = hash(presented);
        // every one is looked at, found or not
        self.0.iter().fold(None, |found, (holder, hash)| {
            if bool::from(hash.ct_eq(&presented)) { Some(holder) } else { found }
        })
    }
}

/// What is compared with: the hash of a secret, or the hash that is given instead of one.
fn hash_of(configured: &str) -> Option<[u8; 32]> {
    let Some(hex) = configured.strip_prefix(HASHED) else { return Some(hash(configured)) };
    data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?.try_into().ok()
}

/// A token as it may stand in a file that others may read.
pub fn hashed(token: &str) -> String {
    format!("{HASHED}{}", data_encoding::HEXLOWER.encode(&hash(token)))
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, role: Role, token: &str) -> Token {
        Token { name: name.to_owned(), role, token: token.to_owned() }
    }

    #[test]
    fn a_holder_is_found_by_the_whole_token_only() {
        let tokens = Tokens::new([
            token("grid", Role::Publisher, "0123456789abcdef"),
            token("hall", Role::Reader, "fedcba9876543210"),
        ])
        .unwrap();
        assert_eq!(tokens.holder("fedcba9876543210").unwrap().name, "hall");
        for wrong in ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF"] {
            assert_eq!(tokens.holder(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_hash_lets_its_token_in_and_not_itself() {
        let hash = hashed("0123456789abcdef");
        let tokens = Tokens::new([token("grid", Role::Operator, &hash)]).unwrap();
        assert_eq!(tokens.holder("0123456789abcdef").unwrap().name, "grid");
        assert_eq!(tokens.holder(&hash), None);
        let torn = Tokens::new([token("grid", Role::Operator, &hash[..60])]).unwrap_err();
        assert_eq!(torn.why, "is not the SHA-256 hash that it says it is");
    }

    #[test]
    fn a_useless_token_is_refused_by_its_holder_and_never_shown() {
        let good = token("grid", Role::Publisher, "0123456789abcdef");
        for (second, why) in [
            (token("hall", Role::Reader, "short"), "is too short"),
            (
                token("hall", Role::Reader, "with a space in it"),
                "has a character that is not valid",
            ),
            (token("hall", Role::Reader, "0123456789abcdef"), "is another holder's too"),
        ] {
            let bad = Tokens::new([good.clone(), second]).unwrap_err();
            assert_eq!((bad.name.as_str(), bad.why), ("hall", why));
        }
        assert_eq!(format!("{good:?}"), "Token(publisher grid, secret)");
    }

    #[test]
    fn tokens_are_configured_by_name_role_and_token() {
        let text = r#"{"name":"grid","role":"publisher","token":"0123456789abcdef"}"#;
        let read: Token = serde_json::from_str(text).unwrap();
        assert_eq!(read, token("grid", Role::Publisher, "0123456789abcdef"));
        assert!(serde_json::from_str::<Token>(&text.replace("publisher", "root")).is_err());
    }
}
