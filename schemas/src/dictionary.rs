//! The zstd dictionaries that bodies may be packed with on thin links.
//!
//! Promise: a number means the same bytes for ever; a better dictionary gets a new number. Which
//! ones a station can read it says in its hello or welcome, and a body comes packed with one of
//! those or not at all. `schemas/README.md` says how they were made.

/// No dictionary: plain zstd.
pub const NONE: u32 = 0;
/// What this build can read, and write.
pub const KNOWN: [u32; 2] = [NONE, 1];

/// The bytes of a dictionary; empty for [`NONE`].
pub fn bytes(number: u32) -> Option<&'static [u8]> {
    match number {
        NONE => Some(&[]),
        1 => Some(include_bytes!("../dictionaries/1.zdict")),
        _ => None,
    }
}

/// The newest dictionary that both ends have; `None` if the other one reads no packed body.
pub fn common(ours: &[u32], theirs: &[u32]) -> Option<u32> {
    ours.iter().copied().filter(|number| theirs.contains(number)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_that_both_have_is_used_and_none_with_who_reads_none() {
        for (theirs, common_one) in [
            (vec![], None),
            (vec![NONE], Some(NONE)),
            (vec![NONE, 1], Some(1)),
            (vec![1], Some(1)),
            (vec![2, NONE, 1, 99], Some(1)),
            (vec![2], None),
        ] {
            assert_eq!(common(&KNOWN, &theirs), common_one, "{theirs:?}");
            assert_eq!(common(&theirs, &KNOWN), common_one, "{theirs:?}");
        }
        assert_eq!(common(&[], &KNOWN), None);
    }

    #[test]
    fn every_known_number_has_its_bytes_and_no_other_has() {
        for number in 0..10 {
            assert_eq!(bytes(number).is_some(), KNOWN.contains(&number), "{number}");
        }
    }
}
