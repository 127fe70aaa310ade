//! [`spawn_bound`]: starts a program that the kernel kills when this process ends, however it
//! ends.
//!
//! Through `setpriv --pdeathsig KILL`: the kernel's death signal belongs to the *thread* that
//! forked, and tokio's threads come and go. So one thread of its own starts all such programs and
//! lives as long as the process.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::mpsc;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::bus::BusError;

struct Order {
    command: Command,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// Starts `program` with the given arguments and error output, and nothing else to read or write.
pub(super) async fn spawn_bound(
    program: &Path,
    arguments: &[&std::ffi::OsStr],
    errors: Stdio,
) -> Result<Child, BusError> {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig").arg("KILL").arg("--").arg(program).args(arguments);
    // out of the terminal's group: Ctrl-C must not stop the bus before the station has drained
    command.process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).kill_on_drop(true);
    let (reply, child) = oneshot::channel();
    let order = Order { command, runtime: Handle::current(), reply };
    let failed = |source| BusError::Start { path: program.to_owned(), source };
    let gone = || failed(io::Error::other("the thread that starts programs is gone"));
    nursery().send(order).map_err(|_| gone())?;
    child.await.map_err(|_| gone())?.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BusError::SetprivMissing,
        _ => failed(error),
    })
}

fn nursery() -> &'static mpsc::Sender<Order> {
    static NURSERY: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    NURSERY.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        let thread = std::thread::Builder::new().name("nursery".to_owned());
        let started = thread.spawn(move || {
            // ends never: the sender is a static
            while let Ok(Order { mut command, runtime, reply }) = inbox.recv() {
                let _reactor = runtime.enter();
                let _ = reply.send(command.spawn());
            }
        });
        if let Err(error) = started {
            tracing::error!("cannot start the thread that starts programs: {error}");
        }
        orders
    })
}
