//! Where stations can be reached: `host:port`, with or without a scheme.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::problem::{Fault, shown};

pub(crate) fn bus(text: &str) -> Result<String, Fault> {
    let valid = "valid is nats://host:port or tls://host:port, without user or path";
    if text.contains('@') {
        // what stands before the @ may be a password and must not be repeated in a log
        return Err(Fault::new("the bus address names a user", valid));
    }
    let rest = text.strip_prefix("nats://").or_else(|| text.strip_prefix("tls://"));
    let found = match rest {
        None => Err("it does not begin with nats:// or tls://"),
        Some(rest) => host_port(rest),
    };
    found.map_err(|why| Fault::new(format!("{} is not a bus: {why}", shown(text)), valid))?;
    Ok(text.to_owned())
}

pub(crate) fn http(text: &str) -> Result<String, Fault> {
    let valid = "valid is host:port, as in 10.72.0.1:8080";
    let fault = |why| Fault::new(format!("{} is not an address: {why}", shown(text)), valid);
    host_port(text).map_err(fault)?;
    Ok(text.to_owned())
}

fn host_port(text: &str) -> Result<(), &'static str> {
    let (host, port) = text.rsplit_once(':').ok_or("it has no port")?;
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    if !digits || port.parse::<u16>().map_or(true, |port| port == 0) {
        return Err("its port is not a number from 1 to 65535");
    }
    let named = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let good = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok()),
        // digits and dots alone are meant as an address, and 10.72.0 is none
        None if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            host.parse::<Ipv4Addr>().is_ok()
        }
        None => host.bytes().all(named),
    };
    if good { Ok(()) } else { Err("its host is neither a name nor an address") }
}
