//! [`Names`]: whose a public nkey is, for people who read the audit log.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use yizhan_topology::Topology;

/// Users of the bus by name; follows the keys that are believed.
#[derive(Debug)]
pub(super) struct Names {
    trees: watch::Receiver<Arc<Topology>>,
    by_key: HashMap<String, Arc<str>>,
}

impl Names {
    /// Those of this topology and of each that takes its place.
    pub(super) fn of_trees(trees: watch::Receiver<Arc<Topology>>) -> Self {
        let by_key = by_key(&trees.borrow());
        Self { trees, by_key }
    }

    /// The station (`510722.101`) or application (`grid@510722.101`) that has this key; where
    /// nobody has it, the user as it stands there.
    pub(super) fn of(&mut self, user: &str) -> Arc<str> {
        // an error means that the station is stopping
        if self.trees.has_changed().unwrap_or(false) {
            self.by_key = by_key(&self.trees.borrow_and_update());
        }
        self.by_key.get(user).cloned().unwrap_or_else(|| user.into())
    }
}

fn by_key(tree: &Topology) -> HashMap<String, Arc<str>> {
    let mut names = HashMap::new();
    for (holder, keys) in tree.all_keys() {
        let name: Arc<str> = holder.to_string().into();
        names.extend(keys.iter().map(|key| (key.clone(), Arc::clone(&name))));
    }
    for revoked in tree.revoked() {
        names.insert(revoked.key.clone(), format!("revoked {}", revoked.key).into());
    }
    names
}
