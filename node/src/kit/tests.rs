use super::*;
use crate::bus::Credential;
use crate::config::{BusMode, Layers};

const NOW: i64 = 1_795_000_000;

fn key() -> (String, String) {
    match Credential::generate().unwrap() {
        Credential::Seed { seed, public } => (seed, public),
        _ => panic!("a seed"),
    }
}

fn tree(places: &str, key: &str) -> String {
    format!(
        "[county]\nname = \"三台县\"\ntiers = [\"county\", \"township\"]\n\
         [[station]]\ncode = \"510722\"\nname = \"三台县 100%\"\n{places}key = [\"{key}\"]\n\
         [[station]]\ncode = \"510722.101\"\nname = \"潼川镇\"\n"
    )
}

/// The kit of the county, with what an earlier one left.
fn made(text: &str, seed: &str, ca: &std::path::Path, before: &[KitFile], now: i64) -> Kit {
    let topology = Topology::read("t.toml", text).unwrap();
    let authority = Authority::at(ca, "三台县", NOW).unwrap();
    let found =
        |path: &str| before.iter().find(|file| file.path == path).map(|file| file.text.clone());
    let desk = BTreeMap::from([("desk".to_owned(), key().0)]);
    Kit::of(&Given {
        topology: &topology,
        topology_text: text,
        code: topology.root(),
        seed,
        application_seeds: &desk,
        authority: &authority,
        lasts: Lasts { now, days: 397 },
        before: &found,
    })
    .unwrap()
}

fn file<'k>(kit: &'k Kit, path: &str) -> &'k KitFile {
    kit.files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path}"))
}

#[test]
fn every_secret_is_for_its_owner_alone_and_in_no_other_file() {
    let (ca, (seed, public)) = (tempfile::tempdir().unwrap(), key());
    let text = tree("bus = \"nats://10.72.0.1:4222\"\nhttp = \"10.72.0.1:8080\"\n", &public);
    let kit = made(&text, &seed, ca.path(), &[], NOW);
    let token = file(&kit, "keys/http/operator.token").text.trim().to_owned();
    for one in &kit.files {
        let secret = one.path.starts_with("keys/") && !one.path.ends_with(".crt")
            || one.path.ends_with(".key");
        assert_eq!(one.mode, if secret { 0o600 } else { 0o644 }, "{}", one.path);
        let holds = |text: &str| one.text.contains(text);
        assert!(secret || !(holds("PRIVATE KEY") || holds(&seed) || holds(&token)), "{}", one.path);
    }
    assert_eq!((kit.new_certificates, kit.unreachable), (2, false));
    assert!(file(&kit, "yizhan.service").text.contains("三台县 100%%\n"));
}

#[test]
fn the_settings_are_valid_and_their_paths_count_from_the_file() {
    let (ca, dir, (seed, public)) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), key());
    let text = tree("bus = \"nats://10.72.0.1:4222\"\nhttp = \"10.72.0.1:8080\"\n", &public);
    let kit = made(&text, &seed, ca.path(), &[], NOW);
    let path = dir.path().join("yizhan.toml");
    std::fs::write(&path, &file(&kit, "yizhan.toml").text).unwrap();
    let config = Layers::read(Some(&path), [], &[]).config().unwrap();
    assert_eq!(config.bus.mode, BusMode::Managed);
    assert_eq!(config.bus.listen.to_string(), "10.72.0.1:4222");
    assert_eq!(config.http.tokens.len(), 3);
    assert_eq!(config.tls.files().unwrap().cert, dir.path().join("tls/station.crt"));
    assert_eq!(config.data.dir, dir.path().join("data"));
    let external =
        "mode = \"external\"\nurl = \"tls://10.72.0.1:4222\"\ncredentials = \"keys/bus\"";
    for line in external.lines() {
        assert!(file(&kit, "yizhan.toml").text.contains(&format!("# {line}\n")), "{line}");
    }
}

#[test]
fn a_kit_made_again_changes_only_what_has_to_change() {
    let (ca, (seed, public)) = (tempfile::tempdir().unwrap(), key());
    let text = tree("bus = \"nats://10.72.0.1:4222\"\nhttp = \"10.72.0.1:8080\"\n", &public);
    let first = made(&text, &seed, ca.path(), &[], NOW);
    let again = made(&text, &seed, ca.path(), &first.files, NOW + 86_400);
    assert_eq!(again.new_certificates, 0);
    for one in first.files.iter().filter(|one| one.path != "keys/apps/desk.nk") {
        assert!(file(&again, &one.path).text == one.text, "{}", one.path);
    }
    let late = made(&text, &seed, ca.path(), &first.files, NOW + 300 * 86_400);
    let [key, cert] = ["tls/station.key", "tls/station.crt"];
    assert_eq!(late.new_certificates, 2);
    assert_eq!(file(&late, key).text, file(&first, key).text);
    assert_ne!(file(&late, cert).text, file(&first, cert).text);
}

#[test]
fn a_parent_that_cannot_be_found_is_told_and_needs_no_tokens() {
    let (ca, (seed, public)) = (tempfile::tempdir().unwrap(), key());
    let kit = made(&tree("", &public), &seed, ca.path(), &[], NOW);
    assert!(kit.unreachable);
    assert!(file(&kit, "yizhan.toml").text.contains("listen = \"127.0.0.1:4222\""));
    assert!(!kit.files.iter().any(|file| file.path.contains("token")));
}
