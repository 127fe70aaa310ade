//! What a station knows of its messages, over a kill -9: outcomes, answers, and the command line
//! that shows them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in the functions that its tests share"
)]

#[allow(dead_code, reason = "shared with the tests of bad input")]
#[path = "bad_input/ground.rs"]
mod ground;

use serde_json::{Value, json};
use yizhan::bus::{Client, Dial};

use ground::{Ground, SOON};

const HERE: &str = "510722.101.002";
const REPORT: &str = r#"{"category":"积水","severity":"general","description":"路口积水","occurred_at":"2026-11-23T08:30:00+08:00"}"#;
const CAMERA: &str = r#"{"device_id":"34020000001320000001","command":"open"}"#;

/// A village without a parent, whose bus is open to this test.
fn village() -> Ground {
    let ground = Ground::new();
    let config = std::fs::read_to_string(ground.path("yizhan.toml")).unwrap();
    ground.write("yizhan.toml", &config.replace("[bus]\n", "[bus]\ndemo_open = true\n"));
    ground
}

/// Hands a message to the village itself and waits until it is delivered there, or ended.
fn publish(ground: &Ground, url: &str, kind: &str, body: &str) -> Value {
    let arguments = ["publish", kind, "--to", HERE, "--data", body, "--server", url, "--json"];
    let done = ground.run(&[&arguments[..], &["--wait", "delivered;30s"]].concat(), &[]);
    assert!(done.status.success(), "{done:?}");
    serde_json::from_slice(&done.stdout).unwrap()
}

fn status(ground: &Ground, url: &str, id: &str) -> Value {
    let done = ground.run(&["status", id, "--server", url, "--json"], &[]);
    assert!(done.status.success(), "{done:?}");
    serde_json::from_slice(&done.stdout).unwrap()
}

fn bus(ground: &Ground) -> String {
    let text = std::fs::read_to_string(ground.path("data/bus/nats.conf")).unwrap();
    let (_, json) = text.split_once('\n').unwrap();
    let config: Value = serde_json::from_str(json).unwrap();
    format!("nats://127.0.0.1:{}", config["port"])
}

/// A request on the village's bus, as an application makes it.
fn request(ground: &Ground, subject: &str, body: &'static str) -> Value {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = Client::dial(Dial::open(&bus(ground), "a test")).await.unwrap();
        client.ready(SOON).await.unwrap();
        let answer = client.request(subject, body.into(), SOON).await.unwrap();
        serde_json::from_slice(&answer.payload).unwrap()
    })
}

#[test]
fn a_village_that_was_killed_knows_what_became_of_its_messages_and_what_was_said_to_them() {
    let ground = village();
    let (running, url) = ground.start();
    let published = publish(&ground, &url, "incident.report", REPORT);
    assert_eq!(published["status"], "delivered");
    let id = published["id"].as_str().unwrap();

    let said = r#"{"status":"acknowledged","note":"已阅"}"#;
    assert_eq!(request(&ground, &format!("yz.ack.{id}"), said), json!({ "ok": true }));
    let never = request(&ground, "yz.ack.510722-b7k2qf-r1", said);
    assert_eq!(never["error"]["code"], "not_found", "{never}");
    let wrong = request(&ground, &format!("yz.ack.{id}"), "seen");
    assert_eq!(wrong["error"]["code"], "bad_json", "{wrong}");
    let done = ground.run(&["ack", id, "--status", "completed", "--server", &url], &[]);
    assert!(done.status.success(), "{done:?}");

    let before = status(&ground, &url, id);
    assert_eq!(before["grade"], "delivered");
    let target = &before["targets"][0];
    assert_eq!(
        (&target["station"], &target["outcome"], &target["answer"], &target["detail"]),
        (&json!(HERE), &json!("delivered"), &json!("completed"), &json!("已阅")),
    );
    drop(running);
    let (_again, url) = ground.start();
    assert_eq!(status(&ground, &url, id), before);
}

#[test]
fn a_command_without_an_adapter_is_rejected_and_its_sender_is_told_so() {
    let ground = village();
    let (_running, url) = ground.start();
    let id = {
        let published = publish(&ground, &url, "video.dispatch", CAMERA);
        assert_eq!(published["status"], "accepted", "it has ended, and was not delivered");
        published["id"].as_str().unwrap().to_owned()
    };
    let page = status(&ground, &url, &id);
    assert_eq!(page["targets"][0]["outcome"], "rejected");
    let detail = page["targets"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("no_adapter"), "{detail}");
    // what is no command is refused at once
    let arguments = ["publish", "video.dispatch", "--to", HERE, "--server", &url, "--json"];
    let refused = ground.run(&[&arguments[..], &["--data", r#"{"command":"open"}"#]].concat(), &[]);
    let problem: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(problem["error"]["code"], "schema_invalid", "{problem}");
}

#[test]
fn the_fake_adapter_answers_each_kind_of_device_in_its_way() {
    let ground = village();
    let (_running, url) = ground.start();
    let bus = bus(&ground);
    let devices = ["1", "2", "3", "4"].map(|last| format!("5107221000132000000{last}"));
    let mut adapter = std::process::Command::new(env!("CARGO_BIN_EXE_yizhan"))
        .args(["adapter", "--fake", "--bus", &bus])
        .args(["--device", &devices[0], "--fail", &devices[1], "--busy", &devices[2]])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(adapter.stdout.take().unwrap()));
    lines.next().unwrap().unwrap();
    let mut ended = Vec::new();
    for device in &devices {
        let body = format!(r#"{{"device_id":"{device}","command":"ptz","params":{{"preset":1}}}}"#);
        let published = publish(&ground, &url, "video.dispatch", &body);
        let target = status(&ground, &url, published["id"].as_str().unwrap())["targets"][0].clone();
        ended.push((target["outcome"].clone(), target["answer"].clone()));
        let line = lines.next().unwrap().unwrap();
        assert!(line.contains(&format!(" {device} ptz → ")), "{line}");
    }
    adapter.kill().unwrap();
    adapter.wait().unwrap();
    let expected = [
        (json!("delivered"), json!("completed")),
        (json!("delivered"), json!("failed")),
        (json!("delivered"), json!("failed")),
        (json!("rejected"), json!(null)),
    ];
    assert_eq!(ended, expected);
}

#[test]
fn a_broadcast_is_said_by_every_loudspeaker_of_the_village_and_what_did_not_is_named() {
    let ground = village();
    let rows = format!(
        "id,name,kind,network,jurisdiction\nhorn-1,村口,loudspeaker,应急广播,{HERE}\n\
         horn-2,广场,loudspeaker,应急广播,{HERE}\nhorn-3,学校,loudspeaker,应急广播,{HERE}\n"
    );
    ground.write("catalogue.csv", &rows);
    let path = ground.path("catalogue.csv").display().to_string();
    let config = std::fs::read_to_string(ground.path("yizhan.toml")).unwrap();
    ground.write("yizhan.toml", &(config + "[catalogue]\npath = \"catalogue.csv\"\n"));
    let (_running, url) = ground.start();
    let broadcast = r#"{"title":"转移","text":"立即转移","status":"Exercise"}"#;
    let said = |page: &Value| {
        let target = &page["targets"][0];
        let text = |name: &str| target[name].as_str().unwrap_or_default().to_owned();
        [text("outcome"), text("answer"), text("detail")]
    };
    let one = |url: &str| {
        let published = publish(&ground, url, "broadcast.issue", broadcast);
        status(&ground, url, published["id"].as_str().unwrap())
    };
    for (fails, wanted) in [
        ("horn-9", ["delivered", "completed", r#"{"loudspeakers":"3/3"}"#]),
        (
            "horn-2",
            [
                "delivered",
                "failed",
                "2/3 loudspeakers did it; not horn-2 (failed: horn-2 does not react)",
            ],
        ),
    ] {
        let mut adapter = std::process::Command::new(env!("CARGO_BIN_EXE_yizhan"))
            .args(["adapter", "--fake", "--bus", &bus(&ground), "--catalogue", &path])
            .args(["--fail", fails])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines =
            std::io::BufRead::lines(std::io::BufReader::new(adapter.stdout.take().unwrap()));
        lines.next().unwrap().unwrap();
        assert_eq!(said(&one(&url)), wanted);
        for _ in 0..3 {
            assert!(lines.next().unwrap().unwrap().contains(" broadcast → "));
        }
        adapter.kill().unwrap();
        adapter.wait().unwrap();
    }
    let page = one(&url);
    assert_eq!(page["targets"][0]["outcome"], "rejected", "{page}");
    assert!(page["targets"][0]["detail"].as_str().unwrap().starts_with("no_adapter"), "{page}");
}
