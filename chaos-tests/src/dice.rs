//! Draws that stories need often.

use rand::Rng as _;
use rand::rngs::SmallRng;

/// One of these, each as likely as any other.
pub fn one_of<T: Copy, const N: usize>(dice: &mut SmallRng, these: [T; N]) -> T {
    let [first, ..] = these.as_slice() else { unreachable!("nothing to choose from") };
    these.get(dice.random_range(0..N)).copied().unwrap_or(*first)
}
