//! [`Peers`]: how many connections each address has, and how often it guessed at tokens.
//!
//! Promise: what one address does costs others nothing, and what is kept of addresses is bounded.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most connections of one address at once: all the streams that there may be, and some more.
pub const CONNECTIONS_PER_PEER_MAX: usize = super::stream::STREAMS_MAX + 64;
/// Wrong tokens that an address may present at once; after that, it is told to wait.
pub const GUESSES_AT_ONCE_MAX: u32 = 10;
/// How often it may present one more.
const GUESS_EVERY: Duration = Duration::from_secs(6);
/// Most addresses whose guesses are counted; all further ones are counted as one.
const PEERS_MAX: usize = 4096;

/// An address as it is counted: of IPv6 the network, since one host has all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Address(IpAddr);

impl Address {
    pub(super) fn of(peer: IpAddr) -> Self {
        Self(match peer.to_canonical() {
            IpAddr::V6(ip) if !ip.is_loopback() => {
                let network = u128::from(ip) & !u128::from(u64::MAX);
                Ipv6Addr::from(network).into()
            }
            ip => ip,
        })
    }
}

/// All addresses.
#[derive(Debug, Default)]
pub(super) struct Peers {
    connections: Mutex<HashMap<Address, usize>>,
    /// Those with wrong tokens; `None` stands for all that there is no room for.
    guesses: Mutex<HashMap<Option<Address>, Guesses>>,
}

/// One connection of an address, for as long as this lives.
#[derive(Debug)]
pub(super) struct Seat(Arc<Peers>, Address);

/// The guesses of an address: one is forgiven every [`GUESS_EVERY`].
#[derive(Debug, Clone, Copy)]
struct Guesses {
    made: u32,
    since: Instant,
}

impl Guesses {
    fn forgive(&mut self, now: Instant) {
        let spans = now.saturating_duration_since(self.since).as_secs() / GUESS_EVERY.as_secs();
        let spans = u32::try_from(spans).unwrap_or(u32::MAX);
        self.made = self.made.saturating_sub(spans);
        self.since += GUESS_EVERY * spans;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // nothing can panic while it is held
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Peers {
    /// A place for one more connection of this address; none if it has too many.
    pub(super) fn seat(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let address = Address::of(peer);
        let mut connections = locked(&self.connections);
        let count = connections.entry(address).or_default();
        if *count >= CONNECTIONS_PER_PEER_MAX {
            return None;
        }
        *count += 1;
        Some(Seat(Arc::clone(self), address))
    }

    /// Counts a wrong token.
    ///
    /// # Errors
    /// There were too many: how long to wait for the next.
    pub(super) fn guess(&self, peer: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut guesses = locked(&self.guesses);
        let mut address = Some(Address::of(peer));
        if guesses.len() >= PEERS_MAX && !guesses.contains_key(&address) {
            guesses.retain(|_, one| {
                one.forgive(now);
                one.made > 0
            });
            if guesses.len() >= PEERS_MAX {
                address = None;
            }
        }
        let one = guesses.entry(address).or_insert(Guesses { made: 0, since: now });
        one.forgive(now);
        if one.made == 0 {
            one.since = now;
        }
        if one.made >= GUESSES_AT_ONCE_MAX {
            return Err((one.since + GUESS_EVERY).saturating_duration_since(now));
        }
        one.made += 1;
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut connections = locked(&self.0.connections);
        if let Some(count) = connections.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                connections.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_connections_and_others_have_theirs() {
        let peers = Arc::new(Peers::default());
        let seats: Vec<_> =
            (0..CONNECTIONS_PER_PEER_MAX).map(|_| peers.seat(ip("10.0.0.9")).unwrap()).collect();
        assert!(peers.seat(ip("10.0.0.9")).is_none());
        assert!(peers.seat(ip("::ffff:10.0.0.9")).is_none(), "the same written otherwise");
        assert!(peers.seat(ip("10.0.0.8")).is_some());
        drop(seats);
        assert!(peers.seat(ip("10.0.0.9")).is_some());
        assert!(locked(&peers.connections).is_empty());
    }

    #[test]
    fn who_guesses_too_often_is_told_to_wait_and_others_are_not() {
        let (peers, now) = (Peers::default(), Instant::now());
        for _ in 0..GUESSES_AT_ONCE_MAX {
            assert_eq!(peers.guess(ip("10.0.0.9"), now), Ok(()));
        }
        assert_eq!(peers.guess(ip("10.0.0.9"), now), Err(GUESS_EVERY));
        assert_eq!(peers.guess(ip("10.0.0.8"), now), Ok(()));
        let later = now + GUESS_EVERY;
        assert_eq!(peers.guess(ip("10.0.0.9"), later), Ok(()));
        assert_eq!(peers.guess(ip("10.0.0.9"), later), Err(GUESS_EVERY));
        assert_eq!(peers.guess(ip("2001:db8::1"), now), Ok(()));
        assert_eq!(Address::of(ip("2001:db8::1")), Address::of(ip("2001:db8::2")));
    }

    #[test]
    fn what_is_kept_of_addresses_is_bounded() {
        let (peers, now) = (Peers::default(), Instant::now());
        for n in 0..2 * PEERS_MAX as u32 {
            let _ = peers.guess(IpAddr::V4(n.into()), now);
        }
        assert_eq!(locked(&peers.guesses).len(), PEERS_MAX + 1);
        let later = now + GUESS_EVERY * GUESSES_AT_ONCE_MAX;
        assert_eq!(peers.guess(ip("10.0.0.9"), later), Ok(()));
        assert_eq!(locked(&peers.guesses).len(), 1, "what is forgiven is forgotten");
    }
}
