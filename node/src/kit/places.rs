//! [`Places`]: where a station listens, from what the topology says of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use yizhan_topology::Station;

/// Where a bus listens that nobody is told of.
const BUS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4222);
/// The same for HTTP.
const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Addresses to listen on, and the names by which others come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) bus: SocketAddr,
    pub(super) http: SocketAddr,
    /// Host names and addresses, for the certificate.
    pub(super) names: Vec<String>,
}

impl Places {
    pub(super) fn of(station: &Station) -> Self {
        let rest = |url: &str| url.split_once("://").map_or(url, |(_, rest)| rest).to_owned();
        let bus = station.bus.as_deref().map(rest);
        let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        for address in bus.iter().chain(&station.http) {
            let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            // as certificates write it: ::1 and 0:0:0:0:0:0:0:1 are one address
            let host = host.parse().map_or(host, |ip: IpAddr| ip.to_string());
            if !names.contains(&host) {
                names.push(host);
            }
        }
        let listen = |address: Option<&String>, unsaid| address.map_or(unsaid, |it| listen(it));
        Self { bus: listen(bus.as_ref(), BUS), http: listen(station.http.as_ref(), HTTP), names }
    }
}

/// Where to listen for those who come to `host:port`: at an address itself, at a name on every
/// address of the machine, for the name may stand for any.
fn listen(address: &str) -> SocketAddr {
    if let Ok(address) = address.parse() {
        return address;
    }
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    let ip = if host == "localhost" { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
    SocketAddr::new(ip.into(), port.parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bus: Option<&str>, http: Option<&str>) -> Places {
        Places::of(&Station {
            code: "510722".parse().unwrap(),
            name: "三台县".to_owned(),
            bus: bus.map(str::to_owned),
            http: http.map(str::to_owned),
            keys: vec![],
            tags: vec![],
            formerly: vec![],
        })
    }

    #[test]
    fn a_station_listens_where_the_topology_says_and_else_on_loopback() {
        let leaf = of(None, None);
        assert_eq!((leaf.bus, leaf.http), (BUS, HTTP));
        assert_eq!(leaf.names, ["localhost", "127.0.0.1", "::1"]);
        let county = of(Some("nats://10.72.0.1:4222"), Some("[fd00:0::1]:8080"));
        assert_eq!(county.bus.to_string(), "10.72.0.1:4222");
        assert_eq!(county.http.to_string(), "[fd00::1]:8080");
        assert_eq!(county.names[3..], ["10.72.0.1", "fd00::1"]);
        let named = of(Some("tls://hub.santai.example:4223"), Some("localhost:80"));
        assert_eq!(named.bus.to_string(), "0.0.0.0:4223");
        assert_eq!(named.http.to_string(), "127.0.0.1:80");
        assert_eq!(named.names[3..], ["hub.santai.example"]);
    }
}
