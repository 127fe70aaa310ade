//! `yizhan.service`: the hardened systemd unit of a kit.
//!
//! Seed and key of the certificate reach the process as credentials, so no user but root can read
//! them on the box. `ProcSubset=pid` is not there: the boot id below `/proc/sys` tells a restart
//! from a power cut.

use yizhan_topology::Station;

use super::title;

pub(super) fn text(station: &Station) -> String {
    // a name may hold a %, which systemd would expand
    UNIT.replace("{TITLE}", &title(station).replace('%', "%%"))
}

const UNIT: &str = "\
# Written by `yizhan topology render`. The kit belongs in /etc/yizhan, the binary in /usr/local/bin.
[Unit]
Description=Yizhan 驿站 {TITLE}
Wants=network-online.target
After=network-online.target time-sync.target
# a box whose power comes and goes must not be given up
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart=/usr/local/bin/yizhan run --config /etc/yizhan/yizhan.toml
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=2s
# the loop turns every two seconds; one that is stuck for this long is started anew
WatchdogSec=60s
# a large store takes its time to be read
TimeoutStartSec=15min
TimeoutStopSec=60s
# the station stops its nats-server itself, in order
KillMode=mixed
LimitNOFILE=65536

DynamicUser=yes
User=yizhan
StateDirectory=yizhan
StateDirectoryMode=0700
LoadCredential=station.nk:/etc/yizhan/keys/station.nk
LoadCredential=tls.key:/etc/yizhan/tls/station.key
Environment=YIZHAN__STATION__KEY=%d/station.nk
Environment=YIZHAN__TLS__KEY=%d/tls.key
Environment=YIZHAN__DATA__DIR=%S/yizhan
UMask=0077

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# setpriv, which ties the life of nats-server to the station's, sets the (empty) set that it has
SystemCallFilter=capset
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
";
