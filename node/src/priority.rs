//! Which threads go first where the processor is short.
//!
//! What only follows the log (the index of messages, the audit log, spans) can be late; what
//! carries messages should not be. So those threads are nicer. They are not held back where there
//! is time, and even beside two busy threads on one core they get an eighth of it: enough for all
//! that a station takes.

use std::thread;

use rustix::process::{getpriority_process, setpriority_process};

/// How much nicer they are, in the kernel's steps: about a third of the usual weight.
const STEPS: i32 = 5;
/// The nicest that there is.
const NICEST: i32 = 19;

/// Lets the calling thread go behind those that carry messages.
pub(crate) fn behind() {
    // on Linux "this process" of these two calls is the calling thread
    let nicer = getpriority_process(None).map(|now| now.saturating_add(STEPS).min(NICEST));
    if let Err(fault) = nicer.and_then(|nicer| setpriority_process(None, nicer)) {
        let name = thread::current().name().map(str::to_owned);
        tracing::debug!(event = "not_nicer", %fault, name, "a thread goes as first as all others");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_goes_behind_and_the_others_do_not() {
        let before = getpriority_process(None).unwrap();
        let nicer = thread::spawn(|| {
            behind();
            getpriority_process(None).unwrap()
        });
        assert_eq!(nicer.join().unwrap(), (before + STEPS).min(NICEST));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}
