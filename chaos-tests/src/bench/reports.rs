//! [`Reports`]: what is handed in, and which one it was when it comes out.

use std::collections::HashMap;

use bytes::Bytes;

use super::calls;

/// Reports by number.
pub enum Reports {
    /// Made up, all of this many bytes, with their number in them.
    Sized(usize),
    /// Real calls, with nothing in them that a report would not have.
    Calls {
        /// In order.
        bodies: Vec<Bytes>,
        /// Where each is.
        numbers: HashMap<Bytes, usize>,
    },
}

impl Reports {
    /// So many real ones, no two alike.
    ///
    /// # Errors
    /// The list cannot be read, or has too few.
    pub fn calls(count: usize) -> Result<Self, String> {
        let bodies = calls::distinct(count)?;
        let numbers = bodies.iter().cloned().zip(0..).collect();
        Ok(Self::Calls { bodies, numbers })
    }

    /// The `n`th.
    pub fn body(&self, n: usize) -> Bytes {
        match self {
            Self::Sized(size) => body(n, *size),
            Self::Calls { bodies, .. } => bodies.get(n).cloned().unwrap_or_default(),
        }
    }

    /// Which one this is.
    pub fn number_of(&self, body: &Bytes) -> Option<usize> {
        match self {
            Self::Sized(_) => number_of(body),
            Self::Calls { numbers, .. } => numbers.get(body).copied(),
        }
    }

    /// Bytes of the first `count`.
    pub fn bytes(&self, count: usize) -> usize {
        match self {
            Self::Sized(size) => count * size,
            Self::Calls { bodies, .. } => bodies.iter().take(count).map(Bytes::len).sum(),
        }
    }
}

fn body(n: usize, size: usize) -> Bytes {
    let head = format!(
        "{{\"category\":\"道路交通\",\"severity\":\"general\",\
         \"occurred_at\":\"2026-11-23T08:30:00+08:00\",\"n\":{n},\"description\":\""
    );
    let mut body = head.into_bytes();
    let words = b"two cars met at the crossing of the old west street, nobody is hurt; ";
    while body.len() + 2 < size {
        let left = size - 2 - body.len();
        body.extend(words.iter().take(left));
    }
    body.extend_from_slice(b"\"}");
    Bytes::from(body)
}

fn number_of(body: &[u8]) -> Option<usize> {
    const MARK: &[u8] = b"\"n\":";
    let at = body.windows(MARK.len()).position(|part| part == MARK)? + MARK.len();
    let digits = body.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit());
    digits
        .copied()
        .try_fold(0_usize, |n, digit| n.checked_mul(10)?.checked_add(usize::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_its_size_and_is_json_with_its_number() {
        for size in [300, 400, 4096] {
            let reports = Reports::Sized(size);
            let body = reports.body(12_345);
            assert_eq!(body.len(), size);
            assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
            assert_eq!(reports.number_of(&body), Some(12_345));
        }
    }

    #[test]
    fn a_real_call_is_known_again_by_what_it_says() {
        let reports = Reports::calls(2_003).unwrap();
        for n in [0, 1_224, 1_225, 2_002] {
            assert_eq!(reports.number_of(&reports.body(n)), Some(n));
        }
        assert_eq!(reports.number_of(&Bytes::from_static(b"{}")), None);
        assert!(reports.bytes(2_000) > 2_000 * 150);
    }
}
