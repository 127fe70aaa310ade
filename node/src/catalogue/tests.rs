//! Files as people write them, the catalogue that comes out, and what they are told.

use std::path::PathBuf;

use tempfile::TempDir;
use yizhan_topology::Topology;

use super::*;
use crate::shelf::Listed as _;

const HEAD: &str = "id,name,kind,network,jurisdiction,hangs_under,status\n";
const GATE: &str = "51072210001320000001,东门,camera,天网,510722.101.002,510722,on\n";
const SQUARE: &str = "51072210001320000002,广场,camera,雪亮,510722.101,,\n";
const HORN: &str = "horn-1,村口喇叭,loudspeaker,应急广播,510722.101.002,,off\n";

fn written(name: &str, text: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(name);
    std::fs::write(&file, text).unwrap();
    (dir, file)
}

fn open(name: &str, text: &str) -> Result<Catalogue, String> {
    let (dir, file) = written(name, text);
    let read = Catalogue::open(&file, 4);
    read.map_err(|fault| fault.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

#[test]
fn a_device_is_found_by_its_id_with_the_stations_that_it_belongs_to() {
    let catalogue = open("a.csv", &[HEAD, SQUARE, HORN, GATE].concat()).unwrap();
    let gate = catalogue.find("51072210001320000001").unwrap();
    assert_eq!((&*gate.name, &*gate.network, gate.kind), ("东门", "天网", DeviceKind::Camera));
    assert_eq!((&gate.jurisdiction, &gate.hangs_under), (&code("510722.101.002"), &code("510722")));
    let square = catalogue.find("51072210001320000002").unwrap();
    assert_eq!(square.hangs_under, code("510722.101"), "where nothing else is said");
    assert_eq!(square.status, Status::On);
    assert_eq!(catalogue.find("51072210001320000003"), None);
    let village = code("510722.101.002");
    let under = catalogue.under(&village).map(|device| (&*device.id, device.status));
    assert_eq!(under.collect::<Vec<_>>(), [("horn-1", Status::Off)]);
}

#[test]
fn csv_in_any_order_with_remarks_and_toml_say_the_same() {
    let plain = open("a.csv", &[HEAD, GATE, SQUARE].concat()).unwrap();
    let other = "\u{feff}# ours\r\nNetwork,jurisdiction,owner,id,hangs_under,kind,name\r\n\
        雪亮,510722.101,x,51072210001320000002,,camera,广场\r\n# the gate\r\n\
        天网, 510722.101.002 ,y,51072210001320000001,510722,camera,东门\r\n";
    assert_eq!(open("b.csv", other).unwrap(), plain);
    let toml = "[[device]]\nid = \"51072210001320000001\"\nname = \"东门\"\nkind = \"camera\"\n\
        network = \"天网\"\njurisdiction = \"510722.101.002\"\nhangs_under = \"510722\"\n\
        [[device]]\nid = \"51072210001320000002\"\nname = \"广场\"\nkind = \"camera\"\n\
        network = \"雪亮\"\njurisdiction = \"510722.101\"\n";
    assert_eq!(open("c.toml", toml).unwrap(), plain);
}

#[test]
fn every_problem_comes_with_its_line_and_what_would_be_valid() {
    let bad = "51072210002000000001,服务器,camera,天网,510722,,\n\
        a b,喇叭,loudspeaker,应急广播,510722,,\n\n\
        51072210001320000003,x,drone,天网,510722,,\n\
        51072210001320000004,x,camera,天网,up,,\n\
        51072210001320000005,,camera,天网,510722,,\n\
        51072210001320000006,x,camera,天网\n\
        51072210001320000007,x,camera,天网,510722,,broken\n";
    let told = open("a.csv", &[HEAD, GATE, bad, GATE].concat()).unwrap_err();
    let wanted = [
        "a.csv:3: `id` of a camera has type 200 (characters 11 to 13), which is no device; valid are \
         111 to 199, such as 131 camera, 132 network camera, 118 NVR; valid is the GB/T 28181 id of \
         a device",
        "a.csv:4: `id` of a loudspeaker is `a b`; valid are 1 to 64 letters, digits, - and _",
        "a.csv:6: `kind` is `drone`; valid is camera or loudspeaker",
        "a.csv:7: `jurisdiction` is `up`: `up` is reserved; valid is a station code such as \
         510722.101.002",
        "a.csv:8: `name` is ``; valid are 1 to 100 visible characters",
        "a.csv:9: this line has no `jurisdiction`; valid are as many cells as the header has",
        "a.csv:10: `status` is `broken`; valid is on or off",
        "a.csv:11: device `51072210001320000001` is there already; remove it here or on line 2",
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), wanted);
    let lines = |told: Result<Catalogue, String>| told.unwrap_err().lines().count();
    assert_eq!(lines(open("a.csv", GATE)), 5, "a header that is none: a problem for each column");
    assert_eq!(lines(open("a.csv", &[HEAD, &"x\n".repeat(300)].concat())), 100);
    let toml = open("a.toml", "[[device]]\nid = \"1\"\nplace = 2\n").unwrap_err();
    assert!(toml.starts_with("a.toml:3: not a catalogue: unknown field `place`"), "{toml}");
    let form = open("a.xlsx", "").unwrap_err();
    assert!(form.contains("valid are names in .csv and .toml"), "{form}");
}

#[test]
fn a_list_that_is_too_long_is_refused_and_not_cut() {
    let row = |n: usize| format!("5107221000132000000{n},x,camera,天网,510722,,\n");
    let rows = |count| [HEAD.to_owned(), (1..=count).map(row).collect()].concat();
    assert_eq!(open("a.csv", &rows(4)).unwrap().devices().len(), 4);
    let told = open("a.csv", &rows(5)).unwrap_err();
    assert!(told.starts_with("a.csv:6: this is more than 4 devices (catalogue.max_devices)"));
    let told = open("a.csv", &"#".repeat(5000)).unwrap_err();
    assert!(told.contains("5000 bytes long; at most 4096 are read for 4 devices"), "{told}");
}

#[test]
fn moves_and_deletions_are_counted_and_a_bad_file_changes_nothing() {
    let (_dir, file) = written("a.csv", &[HEAD, GATE, SQUARE, HORN].concat());
    let shelf = Shelf::open(Some(file.clone()), 4).unwrap();
    let readers = shelf.in_force();
    let before = readers.now().unwrap();
    let moved = GATE.replace(",510722,on", ",510722.101,on");
    let new = HORN.replace("horn-1", "horn-2");
    let edited = SQUARE.replace("广场", "大广场");
    std::fs::write(&file, [HEAD, &moved, &edited, &new].concat()).unwrap();
    shelf.renew().unwrap();
    let after = readers.now().unwrap();
    let changes = Changes { added: 1, removed: 1, moved: 1, edited: 1 };
    assert_eq!(after.since(&before), changes);
    std::fs::write(&file, "nonsense\n").unwrap();
    assert!(matches!(shelf.renew(), Err(crate::shelf::ListError::Wrong(_))));
    assert_eq!(readers.now().unwrap(), after);
    assert_eq!(readers.device("horn-2").unwrap().name, "村口喇叭".into());
    assert!(readers.device("horn-1").unwrap_err().contains("has no such device"));
    let none = Shelf::open(None, 4).unwrap().in_force();
    assert!(none.device("horn-1").unwrap_err().contains("has no catalogue"));
}

#[test]
fn a_county_of_devices_that_do_not_exist_is_the_same_each_time_and_says_what_it_is() {
    let tree = include_str!("../../../topology/examples/demo.toml");
    let tree = Topology::read("demo.toml", tree).unwrap();
    let made = |count| {
        let mut bytes = Vec::new();
        synthesize::write(&tree, count, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let text = made(5_000);
    assert_eq!(text, made(5_000));
    assert!(text.starts_with("# Synthetic"), "{text:.80}");
    let (_dir, file) = written("a.csv", &text);
    let catalogue = Catalogue::open(&file, 5_000).unwrap();
    assert_eq!(catalogue.devices().len(), 5_000);
    let networks = catalogue.devices().iter().map(|device| &device.network);
    assert_eq!(networks.collect::<std::collections::BTreeSet<_>>().len(), synthesize::NETWORKS);
    for device in catalogue.devices() {
        assert!(device.name.starts_with("synthetic "), "{device:?}");
        assert!(tree.station(&device.jurisdiction).is_some(), "{device:?}");
        assert!(device.jurisdiction.is_within(&device.hangs_under), "{device:?}");
    }
}
