//! The sockets at both ends of a line.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use super::line::{Arriving, Direction};
use super::{Mode, Shape, Shared};

/// Bytes that share the line's attention at a time: the datagram that every host must take.
const PACKET_BYTES: usize = 576;
/// The same where there is no rate to keep.
const FREE_BYTES: usize = 64 * 1024;
/// The kernel's receive buffer of a thin line's sockets (it takes twice that). With the default of
/// 128 KiB, seconds of the line would wait there, unseen by the queue's bound.
const THIN_BUFFER_BYTES: u32 = 4 * 1024;
/// Pause before a port is tried again that a program holds for a moment.
const AGAIN_AFTER: Duration = Duration::from_millis(5);
/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

fn socket(shape: Shape) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    if shape.bytes_per_s.is_some() {
        socket.set_recv_buffer_size(THIN_BUFFER_BYTES)?;
    }
    Ok(socket)
}

fn listener(shape: Shape, port: u16) -> io::Result<TcpListener> {
    let socket = socket(shape)?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(BACKLOG)
}

/// Takes connections whenever the line is not refused.
pub(super) async fn listen(shared: Arc<Shared>, port: u16) {
    let mut state = shared.state.subscribe();
    loop {
        let _ = state.wait_for(|state| state.mode != Mode::Refuse).await;
        let now = shared.now();
        let Ok(listener) = listener(now.shape, port) else {
            sleep(AGAIN_AFTER).await;
            continue;
        };
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => if let Ok((child, _)) = accepted {
                    connections.spawn(connect(Arc::clone(&shared), now.era, child));
                },
                () = shared.refused(now.era) => break,
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        connections.join_all().await; // each resets its sockets, having seen the same
    }
}

/// One connection of a child, until either end goes or the line is refused.
async fn connect(shared: Arc<Shared>, era: u64, mut child: TcpStream) {
    let dialled = async {
        shared.passing().await;
        dial(&shared).await
    };
    let dialled = tokio::select! {
        dialled = dialled => dialled.ok(),
        () = shared.refused(era) => None,
    };
    let Some(mut parent) = dialled else {
        let _ = child.set_zero_linger();
        return;
    };
    let _ = (child.set_nodelay(true), parent.set_nodelay(true));
    let ends = {
        let (from_child, to_child) = child.split();
        let (from_parent, to_parent) = parent.split();
        tokio::select! {
            () = pass(&shared, Direction::Up, from_child, to_parent) => false,
            () = pass(&shared, Direction::Down, from_parent, to_child) => false,
            () = shared.refused(era) => true,
        }
    };
    if ends {
        let _ = (child.set_zero_linger(), parent.set_zero_linger());
    }
}

async fn dial(shared: &Shared) -> io::Result<TcpStream> {
    let state = shared.now();
    let target: SocketAddr = state.target.ok_or(io::ErrorKind::NotConnected)?;
    socket(state.shape)?.connect(target).await
}

/// Bytes of one direction of a connection, until its end.
async fn pass(
    shared: &Shared,
    direction: Direction,
    mut from: ReadHalf<'_>,
    mut into: WriteHalf<'_>,
) {
    let (to, mut arriving) = mpsc::unbounded_channel::<Arriving>();
    let read = async move {
        let mut buffer = vec![0; FREE_BYTES];
        loop {
            shared.passing().await;
            let state = shared.now();
            let most = state.shape.bytes_per_s.map_or(FREE_BYTES, |_| PACKET_BYTES);
            let Some(room) = buffer.get_mut(..most) else { return };
            match from.read(room).await {
                Ok(0) | Err(_) => return,
                Ok(length) => {
                    let bytes = room.get(..length).unwrap_or_default().to_vec();
                    shared.queue(direction).push(state, bytes, &to).await;
                }
            }
        }
    };
    let write = async move {
        while let Some((at, bytes)) = arriving.recv().await {
            sleep_until(at).await;
            shared.passing().await;
            if into.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = into.shutdown().await;
    };
    tokio::pin!(write);
    tokio::select! {
        () = read => write.await, // what is under way still comes
        () = &mut write => {}
    }
}
