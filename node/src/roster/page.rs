//! [`Page`]: a roster as it is shown: posts and ids plain, names masked.

use serde::{Deserialize, Serialize};
use yizhan_schemas::Code;
use yizhan_schemas::payload::personal::MASK;

use super::Roster;

/// What `GET /v1/roster` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Whose it is.
    pub station: Code,
    /// How many posts nobody holds.
    pub vacant: usize,
    /// The posts, by name.
    pub posts: Vec<Post>,
    /// The grid workers, by id.
    pub workers: Vec<Worker>,
}

/// One post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Its name.
    pub role: String,
    /// The id of who holds it; `null` where it is vacant.
    pub holder: Option<String>,
    /// Their name, masked.
    pub name: Option<String>,
}

/// One grid worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Their id.
    pub id: String,
    /// Their name, masked.
    pub name: String,
}

impl Page {
    /// That of a station's roster.
    pub fn of(roster: &Roster, station: &Code) -> Self {
        let posts = roster.posts.iter().map(|(role, holder)| Post {
            role: role.to_string(),
            holder: holder.as_ref().map(|person| person.id.to_string()),
            name: holder.as_ref().map(|_| MASK.to_owned()),
        });
        let workers =
            roster.workers.keys().map(|id| Worker { id: id.to_string(), name: MASK.to_owned() });
        Self {
            station: station.clone(),
            vacant: roster.vacant(),
            posts: posts.collect(),
            workers: workers.collect(),
        }
    }
}
