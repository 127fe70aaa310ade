//! A process that owns a bus is killed. The test starts itself again as that process.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::*;

const DIRECTORY: &str = "YIZHAN_TEST_BUS_OF_A_PROCESS_TO_BE_KILLED";

#[tokio::test]
#[ignore = "not a test by itself: the process that is killed in the next one"]
async fn holds_a_bus_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let bus = Managed::start(plan(&directory)).await.unwrap();
    println!("\nbus {}", bus.url());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn killing_the_owner_of_a_bus_leaves_no_server_behind() {
    server_binary().await;
    let directory = TempDir::new().unwrap();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "bus::tests::orphan::holds_a_bus_until_it_is_killed"])
        .args(["--ignored", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(owner.stdout.take().unwrap()).lines();
    let url = said
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("bus nats://").map(ToOwned::to_owned));
    let server = TcpStream::connect(url.expect("the owner should say its URL")).unwrap();
    let address = server.peer_addr().unwrap();
    server.set_read_timeout(Some(SOON)).unwrap();
    let mut server = BufReader::new(server);
    let mut info = String::new();
    server.read_line(&mut info).unwrap();
    assert!(info.starts_with("INFO "), "{info}");

    owner.kill().unwrap();
    owner.wait().unwrap();

    // the connection ends when the server does
    match server.read_to_end(&mut vec![]) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    let again = Managed::start(plan(directory.path())).await.unwrap();
    assert_eq!(again.url(), format!("nats://{address}"));
    again.stop().await;
}
