//! A roster's file: TOML with a `[[post]]` for each post, and a `[[worker]]` for each grid worker.
//!
//! Promise: what is wrong comes with its line, all at once, without the name of anybody; nothing
//! of a file that is wrong is used.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;
use yizhan_schemas::selector::Target;
use yizhan_schemas::{Code, Selector};
use yizhan_topology::problem::shown;
use yizhan_topology::{Problem, Problems};

use super::{Person, Roster};
use crate::shelf::cell::{Fault, is_name, valid_name};
use crate::shelf::{self, ListError};

const FORM: &str = "valid are [[post]] tables with role, and holder and name where it is not \
                    vacant, and [[worker]] tables with id and name";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    post: Vec<Spanned<PostRow>>,
    #[serde(default)]
    worker: Vec<Spanned<WorkerRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostRow {
    role: String,
    /// Absent: vacant.
    holder: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkerRow {
    id: String,
    name: String,
}

impl Roster {
    /// Reads a file of at most so many posts and workers together.
    pub(super) fn read(file: &Path, entries_max: u64) -> Result<Self, ListError> {
        let text = shelf::text::<Self>(file, entries_max)?;
        let mut reading =
            Reading { file: file.to_string_lossy().into(), text: &text, problems: Vec::new() };
        let roster = reading.roster(entries_max);
        match Problems::of(reading.problems) {
            Some(problems) => Err(ListError::Wrong(problems)),
            None => Ok(roster),
        }
    }
}

/// A file while it is being read.
struct Reading<'t> {
    file: Arc<str>,
    text: &'t str,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn problem(&mut self, at: usize, (what, valid): Fault) {
        let before = self.text.get(..at).unwrap_or_default();
        let line = 1 + before.bytes().filter(|b| *b == b'\n').count();
        self.problems.push(Problem { file: Arc::clone(&self.file), line, what, valid });
    }

    fn roster(&mut self, entries_max: u64) -> Roster {
        let mut roster = Roster::default();
        let File { post, worker } = match toml::from_str(self.text) {
            Ok(file) => file,
            Err(fault) => {
                let at = fault.span().map_or(0, |span| span.start);
                self.problem(at, (said(fault.message()), FORM.to_owned()));
                return roster;
            }
        };
        let beyond = post.iter().map(|row| row.span().start);
        let beyond = beyond.chain(worker.iter().map(|row| row.span().start));
        if let Some(at) = beyond.skip(usize::try_from(entries_max).unwrap_or(usize::MAX)).min() {
            let what = format!("this is more than {entries_max} entries (roster.max_entries)");
            self.problem(at, (what, "raise it, or leave some out".to_owned()));
            return roster;
        }
        for row in post {
            let at = row.span().start;
            match row.into_inner().read() {
                Ok((role, holder)) if !roster.posts.contains_key(&role) => {
                    roster.posts.insert(role, holder);
                }
                Ok((role, _)) => self.twice(at, "post", &role),
                Err(fault) => self.problem(at, fault),
            }
        }
        for row in worker {
            let (at, WorkerRow { id, name }) = (row.span().start, row.into_inner());
            match person("id", &id, &name) {
                Ok(person) if !roster.workers.contains_key(&person.id) => {
                    roster.workers.insert(person.id.clone(), person);
                }
                Ok(person) => self.twice(at, "worker", &person.id),
                Err(fault) => self.problem(at, fault),
            }
        }
        roster
    }

    fn twice(&mut self, at: usize, what: &str, name: &str) {
        let what = format!("{what} {} is there already", shown(name));
        self.problem(at, (what, "remove one of them".to_owned()));
    }
}

impl PostRow {
    fn read(&self) -> Result<(Box<str>, Option<Person>), Fault> {
        if !is_word(Target::Role, &self.role) {
            return Err(no_word("role", &self.role));
        }
        let holder = match (&self.holder, &self.name) {
            (Some(id), Some(name)) => Some(person("holder", id, name)?),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                let what = format!("post {} has only one of holder and name", shown(&self.role));
                return Err((what, "valid are both, or neither where it is vacant".to_owned()));
            }
        };
        Ok((self.role.as_str().into(), holder))
    }
}

/// A name is not repeated: what is wrong with a file is logged.
fn person(column: &str, id: &str, name: &str) -> Result<Person, Fault> {
    if !is_word(Target::Worker, id) {
        return Err(no_word(column, id));
    }
    if !is_name(name) {
        return Err((format!("the name of {} is none", shown(id)), valid_name()));
    }
    Ok(Person { id: id.into(), name: name.into() })
}

/// True for what can stand between `role:` or `worker:` and `@<code>`.
fn is_word(form: fn(String, Code) -> Target, text: &str) -> bool {
    let Ok(anywhere) = Code::parse("0") else { return false };
    let target = form(text.to_owned(), anywhere);
    let read = Selector::parse(&target.to_string());
    read.is_ok_and(|selector| selector.targets() == [target])
}

fn no_word(column: &str, text: &str) -> Fault {
    let what = format!("`{column}` is {}", shown(text));
    (what, "valid are 1 to 64 bytes without spaces, commas and @".to_owned())
}

/// What the parser says, without values: one might be somebody's name.
fn said(message: &str) -> String {
    let message =
        if message.starts_with("invalid type") { "a value of the wrong type" } else { message };
    format!("not a roster: {}", message.replace('\n', ", "))
}
