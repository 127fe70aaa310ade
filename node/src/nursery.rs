//! [`command`] and [`spawn`]: a program that the kernel kills when this process ends, however it
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

struct Order {
    command: Command,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// What will start `program`: arguments and streams are still to be given. Its input is empty.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig").arg("KILL").arg("--").arg(program);
    // out of the terminal's group: Ctrl-C is for this process, which stops its own in their order
    command.process_group(0);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Starts it. An error of the kind `NotFound` means that there is no `setpriv`.
pub(crate) async fn spawn(command: Command) -> io::Result<Child> {
    let (reply, child) = oneshot::channel();
    let order = Order { command, runtime: Handle::current(), reply };
    let gone = || io::Error::other("the thread that starts programs is gone");
    thread().send(order).map_err(|_| gone())?;
    child.await.map_err(|_| gone())?
}

fn thread() -> &'static mpsc::Sender<Order> {
    static THREAD: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    THREAD.get_or_init(|| {
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
            tracing::error!(
                event = "nursery_failed",
                "cannot start the thread that starts programs: {error}"
            );
        }
        orders
    })
}
