//! What cannot be passed on is put aside, so that neither it nor what follows it is lost.
//!
//! Its bytes are written down with it, but not without end: whoever has a key could else fill the
//! disk of the station above with what nobody takes. Beyond its part of each neighbour's, only the
//! reason and the digest are kept.

use bytes::Bytes;
use yizhan_schemas::envelope::Digest;
use yizhan_schemas::frame::Chain;

use super::Station;
use super::receive::Heading;
use crate::effect::Notice;
use crate::record::{Quarantined, Record};
use crate::step::Step;
use crate::time::Now;

impl Station {
    /// Keeps what cannot be passed on.
    #[expect(clippy::too_many_arguments, reason = "a leg, and why it is not taken")]
    pub(super) fn put_aside(
        &mut self,
        now: Now,
        from: &Heading,
        sequence: u64,
        bytes: Bytes,
        chain: Option<Chain>,
        mut why: String,
        step: &mut Step,
    ) {
        let digest = Digest::of(&bytes);
        let Digest([a, b, c, d, e, f, g, h, ..]) = digest;
        let chain = chain.unwrap_or(Chain([a, b, c, d, e, f, g, h]));
        let neighbour = self.neighbours.get_mut(&from.link);
        let kept = neighbour.is_some_and(|it| it.aside.0.take(now.boot_us, bytes.len() as u64));
        let bytes = if kept {
            bytes
        } else {
            let digest: String = digest.0.iter().map(|byte| format!("{byte:02x}")).collect();
            why += &format!(" ({} bytes with the digest {digest} are not kept)", bytes.len());
            Bytes::new()
        };
        let (link, lane) = (from.link.clone(), from.lane);
        let aside = Quarantined { link, lane, sequence, chain, bytes, why: why.clone() };
        self.write(step, Record::Quarantined(aside));
        self.notice(step, Notice::Quarantined { link: from.link.clone(), why });
    }
}
