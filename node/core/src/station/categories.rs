//! What a matter is counted under where it comes from a system with categories of its own.

use yizhan_schemas::payload::matter;

use super::Station;
use crate::matter::Change;
use crate::record::{Put, Record};
use crate::step::Step;

impl Station {
    /// Writes down what a message that opens a matter is counted under, if the county's table says
    /// so; the payload keeps what its publisher said.
    pub(super) fn categorize(&mut self, put: &Put, step: &mut Step) {
        let Some(table) = self.topology.categories().filter(|_| put.opens) else { return };
        let header = put.envelope.header();
        let content_type = header.content_type.as_deref();
        let source = matter::source(&header.kind, content_type, put.envelope.payload());
        let Some((family, source)) = source else { return };
        if let Some(category) = table.mapped(family, &source) {
            let (id, category) = (header.id(), category.to_owned());
            self.write(step, Record::Matter(Change::Filed { id, category }));
        }
    }
}
