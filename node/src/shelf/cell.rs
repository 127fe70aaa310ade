//! What the cells of such files may hold.

use yizhan_topology::problem::invisible;

/// Longest name of a device, network or person, characters.
pub const NAME_CHARS_MAX: usize = 100;

/// What is wrong with a row: what, and what would be valid.
pub type Fault = (String, String);

/// True for 1 to [`NAME_CHARS_MAX`] visible characters.
pub fn is_name(text: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(invisible)
}

/// What a name may be, in words.
pub fn valid_name() -> String {
    format!("valid are 1 to {NAME_CHARS_MAX} visible characters")
}
