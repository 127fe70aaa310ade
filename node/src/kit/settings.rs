//! `yizhan.toml` of a kit; paths count from the file, so the directory may be moved.

use std::fmt::Write as _;

use yizhan_topology::Station;

use super::places::Places;
use super::title;
use crate::http::Role;

pub(super) fn text(station: &Station, places: &Places, tokens: &[(Role, String)]) -> String {
    let mut text = format!(
        "# {title}: written by `yizhan topology render`, which writes it anew each time.\n\
         # What is to be different here goes into the environment, as in YIZHAN__SPOOL__RETAIN=14d\n\
         # (with systemd: systemctl edit yizhan). `yizhan config show` prints every setting.\n\
         [station]\n\
         code = \"{code}\"\n\
         topology = \"topology.toml\"\n\
         key = \"keys/station.nk\"\n",
        title = title(station),
        code = station.code,
    );
    if !station.formerly.is_empty() {
        let former: Vec<String> = station.formerly.iter().map(|it| format!("\"{it}\"")).collect();
        let _ = writeln!(text, "formerly = [{}]", former.join(", "));
    }
    let _ = write!(
        text,
        "\n[data]\ndir = \"data\"\n\n\
         [bus]\nlisten = \"{bus}\"\n\
         # A server that you run yourself from nats-server.conf, in place of `listen`:\n\
         # mode = \"external\"\n\
         # url = \"tls://{bus}\"\n\
         # credentials = \"keys/bus\"\n\n\
         [http]\nlisten = \"{http}\"\n",
        bus = places.bus,
        http = places.http,
    );
    for (role, hash) in tokens {
        // a hash lets nobody in; the token itself is in a file of its own
        let _ = write!(
            text,
            "\n[[http.tokens]] # keys/http/{role}.token\nname = \"{role}\"\nrole = \"{role}\"\ntoken = \"{hash}\"\n"
        );
    }
    text += "\n[tls]\nca = \"tls/ca.crt\"\ncert = \"tls/station.crt\"\nkey = \"tls/station.key\"\n";
    text
}
