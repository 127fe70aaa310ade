//! [`Servers`]: a peer's three processes, their directory, and what one may suffer.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::Hop;
use crate::bench::ends::Ends;
use crate::bench::program;
use crate::bench::protocol::{Desk, Headers, Inbox};
use crate::real::until::SOON;

/// Between two warming reports: a chain that carries has passed the one before on by then.
const WARM_EVERY: Duration = Duration::from_millis(200);
/// A process that was killed is gone by then, and writes into no directory any more.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// Lines of a log that say why a server does not come up.
const TAIL_LINES: usize = 15;

/// Three servers of one program. Dropping it kills them and removes what they wrote.
pub(super) struct Servers {
    program: PathBuf,
    running: [Option<Child>; 3],
    dir: TempDir,
}

impl Servers {
    /// None runs yet.
    ///
    /// # Panics
    /// The program is not on this machine.
    pub(super) fn of(name: &str) -> Self {
        let found = program::find(name);
        let program = found.unwrap_or_else(|| panic!("{name} not found on PATH: install it first"));
        let dir = tempfile::Builder::new().prefix("yizhan-peer-").tempdir().expect("a directory");
        Self { program, running: [None, None, None], dir }
    }

    /// A file or directory of one of them.
    pub(super) fn path(&self, hop: Hop, ending: &str) -> PathBuf {
        self.dir.path().join(format!("{}.{ending}", hop.name()))
    }

    /// What all three share.
    pub(super) fn home(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    pub(super) fn write(&self, hop: Hop, ending: &str, text: &str) {
        fs::write(self.path(hop, ending), text).expect("a file");
    }

    /// Starts one; it dies with the thread that started it. Waits for nothing.
    pub(super) fn spawn(&mut self, hop: Hop, with: impl FnOnce(&mut Command) -> &mut Command) {
        let log = File::options().create(true).append(true).open(self.path(hop, "log"));
        let log = log.expect("a log");
        let mut command = tied(&self.program);
        with(&mut command).stdout(log.try_clone().expect("a log")).stderr(log);
        let child = command.spawn().expect("setpriv (util-linux) starts");
        if let Some(server) = self.running.get_mut(hop as usize) {
            *server = Some(child);
        }
    }

    /// Starts one whose only argument is the file that was written as its `conf`.
    pub(super) fn spawn_configured(&mut self, hop: Hop) {
        let config = self.path(hop, "conf");
        self.spawn(hop, |command| command.arg("-c").arg(config));
    }

    pub(super) fn pid(&self, hop: Hop) -> Option<u32> {
        self.running.get(hop as usize)?.as_ref()?.id()
    }

    /// kill -9.
    pub(super) async fn kill(&mut self, hop: Hop) {
        let server = self.running.get_mut(hop as usize).and_then(Option::take);
        server.expect("it runs").kill().await.expect("its own child");
    }

    /// Hands in what is no report until all of that has come out: nobody who reads from then on
    /// sees any of it.
    ///
    /// # Panics
    /// The chain does not carry, or a server has ended.
    pub(super) async fn warm_up(&mut self, ends: &Ends) {
        let (began, mut sent, mut came) = (Instant::now(), 0, 0);
        let connecting = async { (Desk::at_village(ends).await, Inbox::at_county(ends).await) };
        let (desk, mut inbox) = tokio::select! {
            both = connecting => both,
            () = self.watch() => return,
        };
        loop {
            self.assert_running();
            assert!(began.elapsed() < SOON, "not within {SOON:?}: {}", self.tails());
            desk.ask("warm".into(), Headers::new())
                .await
                .expect("the village takes what is handed in");
            sent += 1;
            while let Ok(Some(_)) = tokio::time::timeout(WARM_EVERY, inbox.next()).await {
                came += 1;
            }
            if came >= sent {
                return;
            }
        }
    }

    /// Looks on, for as long as all of them run.
    async fn watch(&mut self) {
        loop {
            self.assert_running();
            tokio::time::sleep(WARM_EVERY).await;
        }
    }

    /// # Panics
    /// One has ended; says the end of its log.
    fn assert_running(&mut self) {
        let ended = |server: &mut Option<Child>| -> Option<ExitStatus> {
            server.as_mut().and_then(|child| child.try_wait().ok().flatten())
        };
        let ended: Vec<_> = self.running.iter_mut().filter_map(ended).collect();
        assert!(ended.is_empty(), "{} ended ({ended:?}): {}", self.program.display(), self.tails());
    }

    fn tails(&self) -> String {
        let tail = |hop: Hop| {
            let text = fs::read_to_string(self.path(hop, "log")).unwrap_or_default();
            let mut lines: Vec<_> = text.lines().rev().take(TAIL_LINES).collect();
            lines.reverse();
            format!("{}:\n{}\n", hop.name(), lines.join("\n"))
        };
        Hop::ALL.map(tail).concat()
    }
}

/// A command that ends with the thread that starts it, and when its handle is dropped.
pub(in crate::bench) fn tied(program: &std::path::Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in self.running.iter_mut().flatten() {
            let _ = server.start_kill();
        }
        let deadline = Instant::now() + GONE_WITHIN;
        for server in self.running.iter_mut().flatten() {
            while matches!(server.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
}
