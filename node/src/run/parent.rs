//! [`Parent`]: where the parent's bus is, and who we are to it.

use yizhan_schemas::Code;
use yizhan_topology::Topology;

use super::RunError;
use crate::bus::{Client, Credential, Dial};
use crate::config::Config;
use crate::tls::TlsFiles;

/// The parent's bus, as configuration and topology have it.
pub(super) struct Parent {
    here: Code,
    url: String,
    credential: Credential,
}

impl Parent {
    /// None for a root. Looks at files only, so that what is wrong with them is said before
    /// anything is started.
    pub(super) fn of(
        config: &Config,
        topology: &Topology,
        key: Option<&Credential>,
    ) -> Result<Option<Self>, RunError> {
        let here = config.station.code.clone();
        let Some(parent) = topology.parent(&here) else { return Ok(None) };
        let url = topology.station(parent).and_then(|station| station.bus.clone());
        let url = url.ok_or_else(|| RunError::ParentUnreachable {
            code: here.clone(),
            parent: parent.clone(),
            file: config.station.topology.clone(),
        })?;
        if url.starts_with("tls://") && config.tls.files().is_none() {
            return Err(RunError::ParentNeedsTls { code: here, parent: parent.clone(), url });
        }
        let Some(credential) = key.cloned() else {
            return Err(RunError::KeyMissing { code: here });
        };
        let known = topology.station(&here).map(|station| station.keys.as_slice());
        let ours = credential.public().unwrap_or_default();
        if !ours.is_empty() && !known.unwrap_or_default().iter().any(|key| key == ours) {
            let file = config.station.topology.display();
            tracing::warn!(
                event = "key_unlisted",
                "station.key is {ours}, which {file} does not list for {here}: unless {parent} has \
                 another topology file, it will not let this station in"
            );
        }
        Ok(Some(Self { here, url, credential }))
    }

    /// Starts connecting; that goes on in the background, for ever.
    pub(super) async fn dial(&self, tls: Option<&TlsFiles>) -> Result<Client, RunError> {
        let dial = Dial::parent(&self.url, &self.credential, &self.here);
        Ok(Client::dial(dial.with_tls(tls)).await?)
    }
}
