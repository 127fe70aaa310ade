use super::*;

fn key() -> String {
    KeyPair::new_user().public_key()
}

fn county() -> ServerConfig {
    ServerConfig {
        station: Code::parse("510722").unwrap(),
        listen: Listen::parse("127.0.0.1:4222").unwrap(),
        store_dir: "/var/lib/yizhan/bus".into(),
        log_file: "/var/lib/yizhan/bus/nats-server.log".into(),
        link_key: key(),
        app_key: key(),
        watch_key: Some(key()),
        children: vec![Child {
            code: Code::parse("510722.101").unwrap(),
            keys: vec![key(), key()],
        }],
        applications: vec![],
        open_password: None,
        inbox_bytes_max: 1 << 30,
        connections_max: 100,
        tls: None,
    }
}

fn tree(config: &ServerConfig) -> Value {
    let text = config.render().unwrap();
    let (comment, json) = text.split_once('\n').unwrap();
    assert!(comment.starts_with('#'));
    serde_json::from_str(json).unwrap()
}

fn error(change: impl FnOnce(&mut ServerConfig)) -> String {
    let mut config = county();
    change(&mut config);
    config.render().unwrap_err().to_string()
}

#[test]
fn the_two_accounts_meet_in_two_shared_services_and_nowhere_else() {
    let accounts = &tree(&county())["accounts"];
    assert_eq!(accounts.as_object().unwrap().len(), 3, "and the server's own");
    let system = accounts["SYS"]["users"].as_array().unwrap();
    let may = &system[0]["permissions"]["publish"]["allow"];
    assert_eq!((system.len(), may), (1, &json!(["$SYS.REQ.SERVER.PING.CONNZ"])));
    let (link, app) = (&accounts["LINK"], &accounts["APP"]);
    assert!(link.get("jetstream").is_none() && link.get("imports").is_none());
    assert!(app.get("exports").is_none() && app.get("jetstream").is_some());
    for (n, subject) in ["yz.submit.>", "yz.ack.>"].into_iter().enumerate() {
        assert_eq!(link["exports"][n]["service"], subject);
        assert_eq!(app["imports"][n]["service"]["subject"], subject);
        assert_eq!(app["imports"][n]["share"], true);
    }
    assert_eq!(link["exports"].as_array().unwrap().len(), 2);
    assert_eq!(app["imports"].as_array().unwrap().len(), 2);
}

#[test]
fn each_key_of_a_child_has_the_childs_rights_and_none_without_a_key_gets_in() {
    let config = county();
    let tree = tree(&config);
    let users = tree["accounts"]["LINK"]["users"].as_array().unwrap().clone();
    assert_eq!(users.len(), 3);
    assert!(users[0].get("permissions").is_none(), "the node");
    assert_eq!(users[1]["permissions"], users[2]["permissions"]);
    assert!(tree.get("no_auth_user").is_none());
}

#[test]
fn a_mistake_in_the_keys_is_named_with_whose_it_is() {
    let shared = error(|c| c.children[0].keys[1] = c.app_key.clone());
    assert!(shared.contains("station 510722 and station 510722.101"), "{shared}");
    let account = KeyPair::new_account().public_key();
    let wrong = error(|c| c.children[0].keys[0] = account.clone());
    assert!(wrong.contains("510722.101") && wrong.contains("Account"), "{wrong}");
    let torn = error(|c| c.children[0].keys[0].truncate(50));
    assert!(torn.contains("510722.101") && torn.contains("valid is U"), "{torn}");
    let seed = KeyPair::new_user().seed().unwrap();
    let pasted = error(|c| c.children[0].keys[0] = seed.clone());
    assert!(pasted.contains("secret") && !pasted.contains(&seed), "{pasted}");
}

#[test]
fn only_direct_children_and_plain_names_get_a_user() {
    let deep = Code::parse("510722.101.002").unwrap();
    let error_text = error(|c| c.children[0].code = deep);
    assert!(error_text.contains("510722.101.002 is not a direct child of 510722"));
    for name in ["", "a.b", "a>", "甲"] {
        let application = Application { name: name.to_owned(), keys: vec![key()], rights: vec![] };
        let error_text = error(|c| c.applications = vec![application]);
        assert!(error_text.contains("cannot name an application"), "{error_text}");
    }
}

fn tls() -> TlsFiles {
    TlsFiles { ca: "tls/ca".into(), cert: "tls/cert".into(), key: "tls/key".into() }
}

#[test]
fn who_listens_to_the_network_has_tls_and_asks_every_client_for_a_certificate() {
    let mut config = county();
    assert!(tree(&config).get("tls").is_none());
    config.listen = Listen::parse("10.72.0.1:4222").unwrap();
    let error_text = config.render().unwrap_err().to_string();
    assert!(error_text.contains("bus.listen = 10.72.0.1:4222"), "{error_text}");
    assert!(error_text.contains("tls.cert") && error_text.contains("topology render"));
    config.tls = Some(tls());
    let tree = tree(&config);
    assert_eq!((&tree["tls"]["verify"], &tree["tls"]["ca_file"]), (&json!(true), &json!("tls/ca")));
}

#[test]
fn an_application_has_what_its_rights_say_and_no_more() {
    let mut config = county();
    let with = |rights: &[Right]| Application {
        name: format!("a{}", rights.len()),
        keys: vec![key()],
        rights: rights.to_vec(),
    };
    config.applications = vec![with(&[]), with(&[Right::Publisher]), with(&Right::ALL)];
    let tree = tree(&config);
    let users = &tree["accounts"]["APP"]["users"];
    let publishes = |n: usize| users[n]["permissions"]["publish"]["allow"].clone();
    assert_eq!(publishes(1), json!(["$SRV.>"]));
    assert_eq!(publishes(2), json!(["$SRV.>", "yz.submit.>"]));
    assert_eq!(users[2]["permissions"]["subscribe"]["allow"], json!(["_INBOX_app_a1.>"]));
    assert!(users[2]["permissions"].get("allow_responses").is_none());
    assert_eq!(users[3]["permissions"]["allow_responses"], true);
    assert!(!tree["accounts"].to_string().contains("\">\""), "> is for nobody");
}

#[test]
fn a_user_without_credentials_exists_on_loopback_only() {
    let mut config = county();
    config.open_password = Some("unknown to all".to_owned());
    assert_eq!(tree(&config)["no_auth_user"], OPEN_USER);
    config.listen = Listen::parse("10.72.0.1:4222").unwrap();
    config.tls = Some(tls());
    let error_text = config.render().unwrap_err().to_string();
    assert!(error_text.contains("bus.listen = 10.72.0.1:4222"), "{error_text}");
}

#[test]
fn connections_are_bounded_and_neither_account_can_take_all_of_them() {
    let tree = tree(&county());
    assert_eq!(tree["max_connections"], 100);
    for account in ["LINK", "APP"] {
        assert_eq!(tree["accounts"][account]["limits"]["max_connections"], 50);
    }
    for limit in ["max_subscriptions", "max_control_line", "max_pending", "max_payload"] {
        assert!(tree[limit].as_u64().unwrap() > 0, "{limit}");
    }
}
