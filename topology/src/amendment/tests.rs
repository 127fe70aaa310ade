use super::*;

const TREE: &str = r#"
[county]
name = "三台县"
tiers = ["county", "township"]
[[station]]
code = "510722"
name = "三台县"
key = ["UAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
[[station]]
code = "510722.101"
name = "潼川镇"
key = ["UBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"]
[[application]]
station = "510722.101"
name = "grid"
rights = ["publisher"]
"#;

fn key(letter: char) -> String {
    format!("U{}", letter.to_string().repeat(55))
}

fn tree() -> Topology {
    Topology::read("t.toml", TREE).unwrap()
}

fn change(added: &[(&str, char)], revoked: &[char]) -> Amendment {
    let mut set = policy::Set::default();
    for (holder, letter) in added {
        set.keys.entry((*holder).to_owned()).or_default().push(key(*letter));
    }
    for letter in revoked {
        set.revoked.push(policy::Revocation {
            key: key(*letter),
            at: "2026-11-26T00:00:00+08:00".to_owned(),
            why: "箱体被盗".to_owned(),
            more: Default::default(),
        });
    }
    Amendment::read(&set).unwrap()
}

fn believed(tree: &Topology, holder: &str) -> Vec<String> {
    tree.believed(tree.keys_of(&holder.parse().unwrap())).cloned().collect()
}

#[test]
fn added_keys_are_believed_beside_the_files_and_revoked_ones_are_not() {
    let after = tree().amended(&change(&[("510722.101", 'C'), ("grid@510722.101", 'D')], &['B']));
    assert_eq!(believed(&after, "510722.101"), [key('C')]);
    assert_eq!(believed(&after, "grid@510722.101"), [key('D')]);
    assert_eq!(believed(&after, "510722"), [key('A')]);
    // a holder that the file does not have yet is nobody's trouble
    assert_eq!(tree().amended(&change(&[("510722.999", 'C')], &[])), tree());
}

#[test]
fn the_order_of_changes_and_their_number_do_not_matter() {
    let (one, two) = (change(&[("510722.101", 'C')], &['B']), change(&[], &['C']));
    let forth = one.with(&two).unwrap();
    assert_eq!(forth, two.with(&one).unwrap().with(&one).unwrap());
    assert!(believed(&tree().amended(&forth), "510722.101").is_empty());
    assert_eq!(forth.counts(), (1, 2));
}

#[test]
fn what_the_file_says_too_is_left_out() {
    let all = change(&[("510722.101", 'B'), ("510722.101", 'C')], &['D']);
    let rest = all.beyond(&tree());
    assert_eq!(rest, change(&[("510722.101", 'C')], &['D']));
    let file = TREE.to_owned()
        + &format!(
            "[[revoked]]\nkey = \"{}\"\nat = \"2026-11-26T00:00:00Z\"\nwhy = \"x\"\n",
            key('D')
        );
    let file =
        file.replace(&format!("\"{}\"", key('B')), &format!("\"{}\", \"{}\"", key('C'), key('B')));
    assert!(all.beyond(&Topology::read("t.toml", &file).unwrap()).is_empty());
}

#[test]
fn a_change_that_would_hurt_is_refused_with_its_reason() {
    for (change, why) in [
        (change(&[], &['A']), "without a key"),
        (change(&[("510722.101", 'A')], &[]), "is 510722's already"),
        (change(&[("510722.109", 'C')], &[]), "there is no 510722.109"),
        (change(&[("510722.101", 'C')], &['C']), "is revoked"),
    ] {
        let said = tree().judge(&change).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(tree().judge(&change(&[("510722", 'C')], &['A', 'B'])), Ok(()));
    let many = (0..=AMENDED_MAX).map(|n| {
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let digit = |place: u32| char::from(letters[(n >> (5 * place)) & 31]);
        format!("U{}{}{}{}", "A".repeat(52), digit(2), digit(1), digit(0))
    });
    let mut set = policy::Set::default();
    set.keys.insert("510722.101".to_owned(), many.collect());
    let said = Amendment::default().with(&Amendment::read(&set).unwrap()).unwrap_err();
    assert!(said.contains("4097 keys added"), "{said}");
}

#[test]
fn what_is_no_key_holder_or_moment_is_named() {
    let seed = format!("SU{}", "A".repeat(56));
    let read = |keys: &str, revoked: &str| {
        let text = format!("{{\"keys\":{keys},\"revoked\":{revoked}}}");
        Amendment::read(&policy::Set::read(None, text.as_bytes()).unwrap()).unwrap_err()
    };
    assert!(read(&format!("{{\"510722\":[\"{seed}\"]}}"), "[]").contains("this secret seed"));
    assert!(read("{\"510722\":[]}", "[]").contains("empty list"));
    assert!(read("{\"a b\":[\"U\"]}", "[]").contains("NAME@CODE"));
    let revoked = format!("[{{\"key\":\"{}\",\"at\":\"soon\",\"why\":\"x\"}}]", key('A'));
    assert!(read("{}", &revoked).contains("is not a moment"));
}
