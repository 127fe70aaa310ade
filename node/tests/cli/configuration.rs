//! `yizhan config check | show`.

use std::fs;

use super::{assert_golden, err, out, yizhan_in};

fn dir(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("yizhan.toml"), text).unwrap();
    dir
}

const GOOD: &str = "[station]\ncode = \"510722.101\"\ntopology = \"/etc/yizhan/topology.toml\"\n\
    [[http.tokens]]\nrole = \"reader\"\ntoken = \"0123456789abcdef\"\n";

#[test]
fn a_good_configuration_is_ok_by_name() {
    let dir = dir(GOOD);
    let output = yizhan_in(dir.path(), &["config", "check"], &[]);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(0), "ok: yizhan.toml\n"));
    let output = yizhan_in(dir.path(), &["config", "check", "--json"], &[]);
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, serde_json::json!({"ok": true, "file": "yizhan.toml"}));
}

#[test]
fn a_bad_configuration_fails_with_every_problem() {
    let dir = dir("[station]\ncode = \"510722\"\ntopologie = \"t\"\n[bus]\nmode = \"none\"\n");
    let env = [("YIZHAN__HTTP__LISTEN", "everywhere")];
    let output = yizhan_in(dir.path(), &["config", "check"], &env);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(1), ""));
    assert_eq!(
        err(&output),
        "error: 4 problems\n\
         yizhan.toml: `station.topology` is missing; valid is the path of the topology file\n\
         yizhan.toml:3: there is no key `station.topologie`; did you mean `station.topology`?\n\
         yizhan.toml:5: `bus.mode` is \"none\"; valid is managed or external\n\
         env YIZHAN__HTTP__LISTEN: `http.listen` is \"everywhere\"; valid is an address such as \
         127.0.0.1:8080; port 0 = any\n"
    );
    let output = yizhan_in(dir.path(), &["config", "check", "--json"], &env);
    assert_eq!(
        (output.status.code(), err(&output)),
        (Some(1), "error: 4 problems, see the output\n".to_owned())
    );
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["problems"][2]["place"], "yizhan.toml:5");
}

#[test]
fn without_a_file_the_problem_says_how_to_give_one() {
    let dir = tempfile::tempdir().unwrap();
    let output = yizhan_in(dir.path(), &["config", "check"], &[("YIZHAN__STATION__TOPOLOGY", "t")]);
    assert_eq!(
        err(&output),
        "error: yizhan.toml: `station.code` is missing; valid is a station code in quotes, such \
         as \"510722.101.002\"; there is no yizhan.toml here: name a file by --config or set \
         YIZHAN__STATION__CODE\n"
    );
}

#[test]
fn every_setting_is_shown_with_its_source() {
    let dir = dir(GOOD);
    let args = ["config", "show", "--data", "/srv/yizhan"];
    let output = yizhan_in(dir.path(), &args, &[("YIZHAN__LOG__FORMAT", "json")]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_golden("config.en.txt", &out(&output));
    let output = yizhan_in(dir.path(), &[&args[..], &["--json"]].concat(), &[]);
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let data =
        serde_json::json!({"key": "data.dir", "value": "/srv/yizhan", "from": "flag --data"});
    assert!(printed.as_array().unwrap().contains(&data), "{printed}");
}
