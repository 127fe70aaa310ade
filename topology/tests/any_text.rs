//! Any text is a tree or a list of problems; reading never panics and never comes back silent.

use proptest::prelude::*;
use yizhan_topology::Topology;
use yizhan_topology::import::{Options, from_csv};

const WHOLE: &str = include_str!("bad/everything-at-once.toml");
const DEMO: &str = include_str!("../examples/demo.toml");
const LIST: &str = "code,name,tier\n510722,三台县,county\n510722101000,潼川镇,township\n\
                    510722.101.002,老西街社区,village\n";

/// Lines of a good and of a bad file, some left out, some twice, in any order.
fn shuffled(text: &'static str) -> impl Strategy<Value = String> {
    let lines: Vec<&str> = text.lines().collect();
    let line = proptest::sample::select(lines);
    prop::collection::vec(line, 0..60).prop_map(|lines| lines.join("\n"))
}

/// A file with a stretch cut out and something else put in its place.
fn patched(text: &'static str) -> impl Strategy<Value = String> {
    let chars: Vec<char> = text.chars().collect();
    (0..chars.len(), 0..40usize, "[\\[\\]{}\"'=,.#0-9a-z\n ]{0,12}|\\PC{0,4}").prop_map(
        move |(start, length, patch)| {
            let (before, rest) = chars.split_at(start);
            let behind = rest.iter().skip(length);
            before.iter().copied().chain(patch.chars()).chain(behind.copied()).collect()
        },
    )
}

fn answers(text: &str) {
    if let Err(problems) = Topology::read("a.toml", text) {
        let lines = text.matches('\n').count() + 1;
        assert!(!problems.list().is_empty());
        assert!(problems.list().iter().all(|problem| (1..=lines).contains(&problem.line)));
        assert_eq!(problems.to_string().lines().count(), problems.list().len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_text_is_a_tree_or_has_problems(text in "\\PC{0,200}|[\\[\\]=\"a-z0-9.,\n ]{0,200}") {
        answers(&text);
    }

    #[test]
    fn any_mixture_of_lines_is_a_tree_or_has_problems(
        text in prop_oneof![shuffled(WHOLE), shuffled(DEMO)],
    ) {
        answers(&text);
    }

    #[test]
    fn any_patch_of_a_file_is_a_tree_or_has_problems(
        text in prop_oneof![patched(WHOLE), patched(DEMO)],
    ) {
        answers(&text);
    }

    #[test]
    fn any_list_has_problems_or_makes_a_file_that_reads(
        text in prop_oneof![patched(LIST), shuffled(LIST), Just(LIST.to_owned())],
    ) {
        if let Ok(made) = from_csv("a.csv", &text, &Options::default()) {
            let read = Topology::read("a.toml", &made);
            prop_assert!(read.is_ok(), "{}", read.unwrap_err());
        }
    }
}

#[test]
fn nesting_without_end_is_a_problem_and_no_overflow() {
    answers(&format!("a = {}", "[".repeat(200_000)));
    answers(&format!("a = {}", "{a=".repeat(200_000)));
    answers(&format!("[{}a]", "a.".repeat(200_000)));
}
