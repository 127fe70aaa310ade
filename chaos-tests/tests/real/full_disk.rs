//! A disk that somebody else fills: nothing more is taken, what is owed still goes, and nobody has
//! to restart anything.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::inbox::holds_exactly;
use chaos_tests::real::county::Plan;
use chaos_tests::real::publisher::{Event, accepted, connect, publish};
use chaos_tests::real::until::{SOON, until};

const COUNTY: &str = "510722";
const TOWN: &str = "510722.101";

/// A small volume of its own below a directory.
struct Volume(PathBuf);

impl Volume {
    /// `None` where that is not allowed: only root may mount.
    fn mount(at: &Path) -> Option<Self> {
        let _ = fs::remove_dir_all(at);
        fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(at);
        mount.status().is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Takes all that is free.
    fn fill(&self) {
        let mut ballast = File::create(self.ballast()).unwrap();
        for bytes in [1024 * 1024, 4096, 1] {
            let some = vec![0x5a; bytes];
            while ballast.write_all(&some).is_ok() {}
        }
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_full_disk_refuses_hands_over_what_it_holds_and_takes_again_when_there_is_room() {
    let mut county = Plan::of(&[COUNTY, TOWN]).start().await;
    county.station_mut(TOWN).terminate().await;
    let town = county.station(TOWN);
    let Some(volume) = Volume::mount(&town.data()) else {
        eprintln!("not shown here: only root can mount a small volume");
        return;
    };
    let mut settings = OpenOptions::new().append(true).open(town.dir.join("yizhan.toml")).unwrap();
    settings.write_all(b"[spool]\nsegment_bytes = \"1MiB\"\n").unwrap();
    county.station_mut(TOWN).start();
    county.station_mut(TOWN).ready().await;
    let nats = connect(county.station(TOWN)).await;
    county.station_mut(COUNTY).terminate().await;
    let mut ids = Vec::new();
    for n in 0..200 {
        let event = Event::report(n).keyed(&format!("k{n}"));
        ids.push(accepted(&publish(&nats, &event).await));
    }

    volume.fill();
    let refused = publish(&nats, &Event::report(900).keyed("refused")).await;
    assert_eq!(code(&refused), "spool_full", "{refused}");

    // what it holds leaves it all the same
    county.station_mut(COUNTY).start();
    county.station_mut(COUNTY).ready().await;
    holds_exactly(county.station(COUNTY), &ids).await;
    let refused = publish(&nats, &Event::report(901).keyed("refused")).await;
    assert_eq!(code(&refused), "spool_full", "{refused}");

    fs::remove_file(volume.ballast()).unwrap();
    let event = Event::report(902).keyed("refused");
    let answer = until(SOON, "room was seen", || async {
        let answer = publish(&nats, &event).await;
        (code(&answer) != "spool_full").then_some(answer)
    })
    .await;
    ids.push(accepted(&answer));
    holds_exactly(county.station(COUNTY), &ids).await;
    // it is the same process
    let ended = county.station_mut(TOWN).terminate().await;
    assert_eq!(ended.code(), Some(0), "{}", county.station(TOWN).log_tail());
}
