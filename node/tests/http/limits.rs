//! Slow and long requests. Time jumps here: nobody waits for real seconds.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use yizhan::http::listen::{HEAD_BYTES_MAX, HEAD_READ};

use super::house::{open, parts};

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_ends_its_connection() {
    let house = open().await;
    for head in [
        "",
        "GET /healthz HTTP/1.1\r\nHost: 127",
        "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ] {
        let began = Instant::now();
        let mut socket = TcpStream::connect(house.address).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut heard = String::new();
        socket.read_to_string(&mut heard).await.unwrap();
        // the last one was answered, and its connection then sat idle
        assert_eq!(heard.contains("200 OK"), head.ends_with("\r\n\r\n"), "{heard}");
        assert!(began.elapsed() >= HEAD_READ, "{:?}", began.elapsed());
        assert!(began.elapsed() < HEAD_READ * 2, "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_a_problem() {
    let house = open().await;
    let first = futures::stream::iter([Ok::<_, String>("{")]);
    let body = futures::StreamExt::chain(first, futures::stream::pending());
    let answer = house.binary("1", reqwest::Body::wrap_stream(body)).send().await.unwrap();
    let (status, kind, problem) = parts(answer).await;
    assert_eq!((status, kind.as_str()), (408, "application/problem+json"));
    assert_eq!(problem["code"], "timeout");
    assert_eq!(problem["detail"], "the body did not come within 30 s");
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let house = open().await;
    let answer = house.get("/healthz").header("x-long", "x".repeat(HEAD_BYTES_MAX)).send().await;
    assert_eq!(answer.unwrap().status(), 431);
}
