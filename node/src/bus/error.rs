//! [`BusError`]: what can go wrong with a station's bus, in words an operator can act on.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use yizhan_schemas::Code;

/// Anything that keeps a bus, or a connection to one, from doing its work.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// No nats-server anywhere.
    #[error(
        "no nats-server found; looked at {looked}. Run ops/nats/get-nats-server, which fetches \
         one for this user, or name one with bus.server_path"
    )]
    ServerMissing {
        /// The places, joined by commas.
        looked: String,
    },
    /// Only servers that lack what we need.
    #[error(
        "{} is nats-server {found}; 2.10 or newer is needed. Run ops/nats/get-nats-server, which \
         fetches one for this user, or name one with bus.server_path", path.display()
    )]
    ServerTooOld {
        /// The newest that was found.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// A program that is not a nats-server, or does not run here.
    #[error("{} does not work as a nats-server: {why}; `nats-server --version` should say \
             `nats-server: v2.10.0` or newer. Run ops/nats/get-nats-server", path.display())]
    ServerUnusable {
        /// The program.
        path: PathBuf,
        /// What it did instead.
        why: String,
    },
    /// Without setpriv a killed node would leave its server running.
    #[error(
        "the program `setpriv` is not in PATH; install util-linux (it ties nats-server's life \
             to this process), or run a NATS server yourself and set bus.mode = \"external\""
    )]
    SetprivMissing,
    /// An open door on a network.
    #[error(
        "bus.listen = {listen} can be reached from other machines, so connections without \
             credentials are not allowed on it; listen on 127.0.0.1, or leave no_auth_user out"
    )]
    OpenToTheNetwork {
        /// The address as configured.
        listen: String,
    },
    /// Everybody on the way could read it.
    #[error(
        "bus.listen = {listen} can be reached from other machines, so it needs TLS: set tls.ca, \
             tls.cert and tls.key (`yizhan topology render` makes them), or listen on 127.0.0.1"
    )]
    PlainToTheNetwork {
        /// The address as configured.
        listen: String,
    },
    /// A public key that is not one.
    #[error(
        "{whose} has the key `{key}`, which is not a public user nkey: {why}; valid is U \
             followed by 55 letters and digits, as `yizhan topology keys` writes it"
    )]
    BadPublicKey {
        /// The station or application.
        whose: String,
        /// The text given.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// One key, two rights.
    #[error(
        "the key {key} is given to both {first} and {second}; each needs a key of its own \
             (`yizhan topology keys` makes them)"
    )]
    SharedKey {
        /// The public key.
        key: String,
        /// Whom it was given to first.
        first: String,
        /// And then.
        second: String,
    },
    /// A station that is not a child of this one.
    #[error("{child} is not a direct child of {station}, so it gets no user on this bus")]
    NotAChild {
        /// The station that was listed.
        child: Code,
        /// The station of this bus.
        station: Code,
    },
    /// A name that cannot stand in a subject.
    #[error("`{name}` cannot name an application: valid are letters, digits, `_` and `-`")]
    BadApplicationName {
        /// The text given.
        name: String,
    },
    /// A file that cannot be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was being done, as an infinitive.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file that holds no key.
    #[error("{} holds no usable key: {why}; valid is one line with a user seed (SU…), or a .creds \
             file with a user JWT and its seed", path.display())]
    BadCredential {
        /// The file.
        path: PathBuf,
        /// What is wrong, without its content.
        why: String,
    },
    /// Two processes, one directory.
    #[error("another process uses {}: it holds the lock on {}; stop it, or give this station a \
             data directory of its own", directory.display(), lock.display())]
    DirectoryInUse {
        /// The bus's directory.
        directory: PathBuf,
        /// The locked file.
        lock: PathBuf,
    },
    /// Somebody else listens there.
    #[error(
        "bus.listen: port {port} of {host} is taken by another program{kept}; stop that \
             program, or choose another port (`:0` lets the system choose one)"
    )]
    PortTaken {
        /// The host of `bus.listen`.
        host: String,
        /// The port.
        port: u16,
        /// Where a port that the system chose earlier is kept; empty for a configured one.
        kept: String,
    },
    /// An address of another machine, or a port below 1024.
    #[error(
        "cannot listen on bus.listen = {listen}: {source}; valid is an address of this machine \
             with a free port, as in 127.0.0.1:4222"
    )]
    Unlistenable {
        /// The address as configured.
        listen: String,
        /// Why.
        source: io::Error,
    },
    /// The server ended instead of starting.
    #[error("nats-server ended at once ({status}): {said}; its log is {}", log.display())]
    Ended {
        /// Exit status or signal.
        status: String,
        /// The last that it said.
        said: String,
        /// Its log.
        log: PathBuf,
    },
    /// The server runs but does not answer.
    #[error("nats-server (pid {pid}) did not answer on {url} within {within:?}: {why}; its log is \
             {}", log.display())]
    Silent {
        /// Its process.
        pid: u32,
        /// Where it should answer.
        url: String,
        /// How long was waited.
        within: Duration,
        /// The last error of a connection.
        why: String,
        /// Its log.
        log: PathBuf,
    },
    /// A process of ours that could not be started.
    #[error("cannot start {}: {source}", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A URL that is not one.
    #[error("`{url}` is not a NATS URL: {why}; valid is nats://host:port or tls://host:port")]
    BadUrl {
        /// The text given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// No connection within the time given.
    #[error("no connection to {url} within {within:?}: {why}")]
    NotConnected {
        /// Where to.
        url: String,
        /// How long was waited.
        within: Duration,
        /// The last error of the attempts.
        why: String,
    },
    /// Nothing is published while disconnected: it would be replayed later, out of its time.
    #[error("not connected to {url}")]
    Disconnected {
        /// Where to.
        url: String,
    },
    /// Nobody listens on the subject.
    #[error("nobody answers on {subject}")]
    NoResponders {
        /// The subject.
        subject: String,
    },
    /// Somebody listens, and says nothing.
    #[error("no answer on {subject} within {within:?}")]
    Timeout {
        /// The subject.
        subject: String,
        /// How long was waited.
        within: Duration,
    },
    /// A message that may not be sent as it is.
    #[error("cannot send on {subject}: {why}")]
    Unsendable {
        /// The subject.
        subject: String,
        /// What is wrong with it.
        why: String,
    },
    /// A header that would break the protocol.
    #[error(
        "`{name}` cannot be a header with this value: names are printable ASCII without a \
             colon, values have no line breaks"
    )]
    BadHeader {
        /// Its name.
        name: String,
    },
    /// The server said no.
    #[error("the bus did not {doing}: {why}")]
    Refused {
        /// What was asked, as an infinitive.
        doing: &'static str,
        /// What the server said.
        why: String,
    },
}

impl BusError {
    /// A file error with its place.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }
}
