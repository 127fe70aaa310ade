//! `README.txt`: how a kit is installed, in Chinese and in English.

use yizhan_topology::Station;

use super::places::Places;
use super::title;

pub(super) fn text(station: &Station, places: &Places) -> String {
    let token = if places.http.ip().is_loopback() {
        ""
    } else {
        "YIZHAN_TOKEN=\"$(cat /etc/yizhan/keys/http/operator.token)\" "
    };
    README
        .replace("{TITLE}", &title(station))
        .replace("{BUS}", &places.bus.to_string())
        .replace("{HTTP}", &places.http.to_string())
        .replace("{TOKEN}", token)
}

const README: &str = "\
驿站 Yizhan {TITLE}

本目录是这一个站点所需的全部文件，含密钥，请勿外传，装好后从U盘等处删除。
The directory holds all that this one station needs, secrets included: pass it on to nobody, and
remove it from the medium once it is installed.

安装 Install (root; binary `yizhan` and nats-server 2.10 or newer in /usr/local/bin):

    cp -r . /etc/yizhan && chown -R root:root /etc/yizhan && chmod 0755 /etc/yizhan
    chmod -R go= /etc/yizhan/keys && chmod 0600 /etc/yizhan/tls/station.key
    cp /etc/yizhan/yizhan.service /etc/systemd/system/
    systemctl daemon-reload && systemctl enable --now yizhan

查看 Look:

    systemctl status yizhan
    {TOKEN}yizhan status --tree --config /etc/yizhan/yizhan.toml

不用 systemd 时，在任意目录 Without systemd, from any directory:

    yizhan run --config DIR/yizhan.toml

监听 Listens: bus {BUS}, HTTP {HTTP}（均为 TLS both under TLS）

换证书（不重启）Renew the certificate (no restart): 复制新的 tls/station.crt
copy the new tls/station.crt, then:

    systemctl reload yizhan

本地应用 Local applications: keys/apps/NAME.nk, NAME.crt, NAME.key 及 and tls/ca.crt
交给该应用 go to the application; 每个连接都须出示证书 every connection shows the certificate.
";
