//! What keeps a station from starting.

use super::ground::{Ground, pretend_server, taken};

const FETCH: &str = "Run ops/nats/get-nats-server, which fetches one for this user, or name one \
                     with bus.server_path";

#[test]
fn a_nats_server_that_is_missing_or_too_old_is_said_with_what_to_do() {
    let ground = Ground::new();
    let none = ground.path("none").display().to_string();
    assert_eq!(
        ground.refusal(&[("YIZHAN__BUS__SERVER_PATH", &none)]),
        format!("error: no nats-server found; looked at bus.server_path = {none}. {FETCH}")
    );
    pretend_server(&ground.path("old"), "2.9.10");
    let old = ground.path("old").display().to_string();
    assert_eq!(
        ground.refusal(&[("YIZHAN__BUS__SERVER_PATH", &old)]),
        format!("error: {old} is nats-server 2.9.10; 2.10 or newer is needed. {FETCH}")
    );
}

#[test]
fn a_taken_port_is_named_with_its_key() {
    let ground = Ground::new();
    let (_held, port) = taken();
    let listen = format!("127.0.0.1:{port}");
    assert_eq!(
        ground.refusal(&[("YIZHAN__BUS__LISTEN", &listen)]),
        format!(
            "error: bus.listen: port {port} of 127.0.0.1 is taken by another program; stop that \
             program, or choose another port (`:0` lets the system choose one)"
        )
    );
    assert_eq!(
        ground.refusal(&[("YIZHAN__HTTP__LISTEN", &listen)]),
        format!(
            "error: cannot listen on {listen} (http.listen): Address already in use (os error \
             98); choose another port, or 0 for any"
        )
    );
}

#[test]
fn a_data_directory_in_use_or_of_another_station_is_refused_and_stays_as_it_is() {
    let ground = Ground::new();
    let (running, _) = ground.start();
    let said = ground.refusal(&[]);
    let start = format!(
        "error: data directory {} is in use by another process (pid ",
        ground.shown("data")
    );
    assert!(said.starts_with(&start), "{said}");
    drop(running);
    let moved =
        [("YIZHAN__STATION__CODE", "510722.101"), ("YIZHAN__STATION__KEY", "keys/510722.101.nk")];
    assert_eq!(
        ground.refusal(&moved),
        format!(
            "error: data directory {} is that of station 510722.101.002, not of 510722.101; give \
             510722.101 a data.dir of its own, or, if 510722.101.002 was renamed or moved to \
             510722.101, set station.formerly = \"510722.101.002\"",
            ground.shown("data")
        )
    );
    let (_again, _) = ground.start();
}

#[test]
fn a_station_without_a_place_a_key_or_a_way_to_its_parent_says_which() {
    let ground = Ground::new();
    let shown = ground.refusal(&[("YIZHAN__STATION__CODE", "510722.9")]);
    assert_eq!(
        shown,
        "error: station.code is 510722.9, which is no station of topology.toml; the root there \
         is 510722; see `yizhan topology show topology.toml`"
    );
    ground.write("bad.nk", "hello\n");
    assert_eq!(
        ground.refusal(&[("YIZHAN__STATION__KEY", "bad.nk")]),
        "error: bad.nk holds no usable key: the line is not an nkey seed; valid is one line with a \
         user seed (SU…), or a .creds file with a user JWT and its seed"
    );
    let topology = std::fs::read_to_string(ground.path("topology.toml")).unwrap();
    ground.write("lonely.toml", &topology.replace("bus = \"nats://127.0.0.1:1\"\n", ""));
    assert_eq!(
        ground.refusal(&[("YIZHAN__STATION__TOPOLOGY", "lonely.toml")]),
        "error: 510722.101, the parent of 510722.101.002, has no `bus` in lonely.toml; valid is \
         its NATS address, for example bus = \"nats://10.72.0.1:4222\""
    );
    let keyless = std::fs::read_to_string(ground.path("yizhan.toml")).unwrap();
    ground.write("yizhan.toml", &keyless.replace("key = \"keys/510722.101.002.nk\"\n", ""));
    assert_eq!(
        ground.refusal(&[]),
        "error: station.key is missing: 510722.101.002 logs in on its parent's bus with it; valid \
         is the file that `yizhan topology keys` made for 510722.101.002"
    );
}

#[test]
fn a_station_without_the_tls_that_it_needs_says_what_is_missing() {
    let ground = Ground::new();
    let open = ground.refusal(&[("YIZHAN__BUS__LISTEN", "0.0.0.0:0")]);
    assert!(
        open.contains("env YIZHAN__BUS__LISTEN: `bus.listen` is open to other machines"),
        "{open}"
    );
    assert!(open.contains("`yizhan topology render` makes them"), "{open}");
    let files =
        [("YIZHAN__TLS__CA", "ca"), ("YIZHAN__TLS__CERT", "cert"), ("YIZHAN__TLS__KEY", "key")];
    assert_eq!(
        ground.refusal(&files),
        "error: tls.ca = ca: it cannot be read: No such file or directory (os error 2); valid is \
         the PEM certificate of the county's authority, ca.crt of `yizhan topology render`"
    );
    for (_, file) in files {
        ground.write(file, "hello");
    }
    let refused = ground.refusal(&files);
    assert!(
        refused.starts_with("error: tls.ca = ca: it holds no PEM certificate; valid is "),
        "{refused}"
    );
    let topology = std::fs::read_to_string(ground.path("topology.toml")).unwrap();
    ground.write("tls.toml", &topology.replace("nats://127.0.0.1:1\"", "tls://127.0.0.1:1\""));
    assert_eq!(
        ground.refusal(&[("YIZHAN__STATION__TOPOLOGY", "tls.toml")]),
        "error: 510722.101, the parent of 510722.101.002, is at tls://127.0.0.1:1, and tls.ca, \
         tls.cert and tls.key are not set; valid are the files that `yizhan topology render` makes \
         for 510722.101.002"
    );
}

#[test]
fn a_broken_topology_is_told_whole_with_its_lines_by_check_and_by_run() {
    let ground = Ground::new();
    let broken = "[county]\nname=\"x\"\ntiers=[\"county\",\"township\"]\n\
                  [[station]]\ncode=\"510722\"\nname=\"a\"\n\
                  [[station]]\ncode=\"510722\"\nname=\"b\"\n\
                  [[station]]\ncode=\"510722.1.2\"\nname=\"c\"\n\
                  [[station]]\ncode=\"600000\"\nname=\"d\"\n\
                  [[station]]\ncode=\"51 0\"\nname=\"e\"\n";
    ground.write("broken.toml", broken);
    let checked = ground.run(&["topology", "check", "broken.toml"], &[]);
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8([checked.stdout, checked.stderr].concat()).unwrap();
    let ran = ground.refusal(&[("YIZHAN__STATION__TOPOLOGY", "broken.toml")]);
    for line in [
        "broken.toml:8: station 510722 is there already; remove it here or on line 5",
        "broken.toml:11: station 510722.1.2 has no parent: 510722.1 is not in the file; add \
         station 510722.1 or correct the code",
        "broken.toml:17: `code` in [[station]]: `51 0` is not a code: a token has a character \
         other than letters, digits, `_` and `-`; valid is 1 to 8 tokens of letters, digits, `_` \
         or `-` joined by dots, as in 510722.101.002",
    ] {
        assert!(said.contains(line), "{line}\nis not in\n{said}");
        assert!(ran.contains(line), "{line}\nis not in\n{ran}");
    }
    assert!(ran.contains("broken.toml:14: "), "the second root is not told: {ran}");
}
