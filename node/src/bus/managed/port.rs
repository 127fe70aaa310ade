//! The port of a managed bus: as configured, or chosen by the system once and then kept, since the
//! children must find it again.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::Path;

use crate::bus::keys::write_private;
use crate::bus::{BusError, Listen};

/// The address to listen on, with a real port that is free at this moment. `kept` is the file in
/// which a port chosen by the system is kept.
pub(super) fn settle(listen: &Listen, kept: &Path) -> Result<Listen, BusError> {
    if listen.port != 0 {
        probe(listen, listen.port, "")?;
        return Ok(listen.clone());
    }
    if let Some(port) = read(kept)? {
        let hint = format!(
            "; it was chosen by the system and is kept in {}: remove that file to have another \
             one chosen, and tell the children",
            kept.display()
        );
        probe(listen, port, &hint)?;
        return Ok(Listen { port, ..listen.clone() });
    }
    let port = probe(listen, 0, "")?;
    write_private(kept, format!("{port}\n").as_bytes())?;
    Ok(Listen { port, ..listen.clone() })
}

/// Binds and lets go, which is the only way to know.
fn probe(listen: &Listen, port: u16, kept: &str) -> Result<u16, BusError> {
    let bound = TcpListener::bind((listen.host.as_str(), port));
    let bound = bound.and_then(|socket| socket.local_addr());
    bound.map(|address| address.port()).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            let (host, kept) = (listen.host.clone(), kept.to_owned());
            BusError::PortTaken { host, port, kept }
        }
        _ => BusError::Unlistenable { listen: listen.to_string(), source: error },
    })
}

fn read(kept: &Path) -> Result<Option<u16>, BusError> {
    let text = match fs::read_to_string(kept) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(BusError::file("read", kept)(error)),
    };
    let port = text.trim().parse().ok().filter(|port| *port != 0);
    // a guess would send the children to the wrong place
    port.map(Some).ok_or_else(|| {
        let why = format!("`{}` is not a port; valid is 1 to 65535, or no file", text.trim());
        BusError::file("read the port in", kept)(io::Error::other(why))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> Listen {
        Listen::parse("127.0.0.1:0").unwrap()
    }

    #[test]
    fn a_port_chosen_by_the_system_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let kept = dir.path().join("port");
        let first = settle(&any(), &kept).unwrap();
        assert_ne!(first.port, 0);
        assert_eq!(settle(&any(), &kept).unwrap(), first);
    }

    #[test]
    fn a_taken_port_is_named_with_where_it_comes_from() {
        let dir = tempfile::tempdir().unwrap();
        let kept = dir.path().join("port");
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = holder.local_addr().unwrap().port();
        let configured = Listen { port, ..any() };
        let error = settle(&configured, &kept).unwrap_err().to_string();
        assert!(error.contains(&format!("port {port} of 127.0.0.1 is taken")), "{error}");
        fs::write(&kept, port.to_string()).unwrap();
        let error = settle(&any(), &kept).unwrap_err().to_string();
        assert!(error.contains(&kept.display().to_string()), "{error}");
    }

    #[test]
    fn a_broken_port_file_is_not_guessed_at() {
        let dir = tempfile::tempdir().unwrap();
        let kept = dir.path().join("port");
        fs::write(&kept, "4222x").unwrap();
        let error = settle(&any(), &kept).unwrap_err().to_string();
        assert!(error.contains("4222x") && error.contains("1 to 65535"), "{error}");
    }
}
