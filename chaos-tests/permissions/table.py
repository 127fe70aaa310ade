#!/usr/bin/env python3
"""What each identity of a running county can say and hear, tried subject by subject with nats-py,
beside what the rendered nats-server.conf of that bus says. Exit status 1 on any difference.

    table.py [--json] COUNTY.json

COUNTY.json is written by `attacks --permissions`: a list of {"who", "bus", "conf", "ca", "cert",
"key", "seed", "inbox"}.
"""

import asyncio
import json
import ssl
import sys

import nats
import nkeys

# Codes of the county that `attacks` starts: it is this script's only other knowledge.
COUNTY, TOWN, VILLAGE, SIBLING = "510722", "510722.101", "510722.101.001", "510722.101.009"


def inbox_of(code):
    return "_INBOX_" + code.replace(".", "_")


def subjects(inbox):
    """Every class of subject: (publish?, subject). Wildcards can only be subscribed to."""
    codes = (COUNTY, TOWN, VILLAGE, SIBLING)
    plain = [f"yz.{way}.{code}" for way in ("up", "down", "status", "query") for code in codes]
    plain += [
        "yz.submit.incident.report", "yz.submit.directive.issue", "yz.submit.policy.set",
        f"yz.ack.{VILLAGE}-b7k2qf-r1", f"yz.inbox.incident.report.{VILLAGE}", "yz.video.34020000001320000001",
        "yz.broadcast.horn-1", "yz.other", "_yz.pulse", "anything",
        f"{inbox}.a.b", f"{inbox}X.a", "_INBOX.a", "_INBOX_app_nobody.a",
        *(f"{inbox_of(code)}.a" for code in codes),
        "$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SYS.ACCOUNT.APP.CONNECT",
        "$SRV.PING", "$SRV.INFO.yizhan",
        "$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.STREAM.CREATE.MINE",
        "$JS.API.STREAM.INFO.YZ_INBOX", "$JS.API.STREAM.UPDATE.YZ_INBOX", "$JS.API.STREAM.PURGE.YZ_INBOX",
        "$JS.API.STREAM.DELETE.YZ_INBOX", "$JS.API.STREAM.MSG.DELETE.YZ_INBOX", "$JS.API.STREAM.MSG.GET.YZ_INBOX",
        "$JS.API.STREAM.SNAPSHOT.YZ_INBOX", "$JS.API.DIRECT.GET.YZ_INBOX", "$JS.API.CONSUMER.NAMES.YZ_INBOX",
        "$JS.API.CONSUMER.INFO.YZ_INBOX.a", "$JS.API.CONSUMER.CREATE.YZ_INBOX.a",
        "$JS.API.CONSUMER.DURABLE.CREATE.YZ_INBOX.a", "$JS.API.CONSUMER.DELETE.YZ_INBOX.a",
        "$JS.API.CONSUMER.MSG.NEXT.YZ_INBOX.a", "$JS.API.CONSUMER.CREATE.OTHER.a",
        "$JS.API.CONSUMER.MSG.NEXT.OTHER.a", "$JS.API.ACCOUNT.PURGE.APP", "$JS.API.SERVER.REMOVE",
        "$JS.ACK.YZ_INBOX.a.1.1.1.1.0", "$JS.ACK._.hash.YZ_INBOX.a.1.1.1.1.0", "$JS.ACK.OTHER.a.1.1.1.1.0",
        "$JS.FC.YZ_INBOX.a.b",
    ]
    wide = [
        ">", "*", "*.>", "*.*.>", "yz.>", "yz.*.>", "yz.up.>", "yz.up.*", "yz.up.*.*.*", "yz.down.>", "yz.status.>",
        "yz.query.>", "yz.submit.>", "yz.ack.>", "yz.inbox.>", "yz.video.>", "yz.video.*", "yz.broadcast.>", "yz.broadcast.*",
        f"yz.down.{TOWN}.*", "_INBOX.>", f"{inbox}.>", f"{inbox}.*", "_INBOX_app_nobody.>",
        *(f"{inbox_of(code)}.>" for code in codes), "$SYS.>", "$SYS.ACCOUNT.>", "$JS.>", "$JS.API.>", "$JS.EVENT.>",
        "$SRV.>", "$G.>",
    ]
    return [(True, subject) for subject in plain] + [(False, subject) for subject in plain + wide]


def covers(allowed, subject):
    """True if every subject that `subject` stands for is one that `allowed` stands for."""
    allowed, subject = allowed.split("."), subject.split(".")
    for at, token in enumerate(allowed):
        if token == ">":
            return len(subject) > at
        if at >= len(subject) or (subject[at] == ">" and token != "*"):
            return False
        # nats-server (2.15.1) takes the `>` of a subscription for one token, which `*` stands for:
        # an adapter may subscribe to `yz.video.>`. Nothing is published below a device's id.
        if token != "*" and token != subject[at]:
            return False
    return len(allowed) == len(subject)


def said(conf, public):
    """The permissions of a key in a rendered nats-server.conf."""
    with open(conf, encoding="utf-8") as file:
        text = "".join(line for line in file if not line.startswith("#"))
    accounts = json.loads(text)["accounts"].values()
    users = [user for account in accounts for user in account["users"] if user.get("nkey") == public]
    if len(users) != 1:
        sys.exit(f"{conf} has {len(users)} users with the key {public}")
    return users[0]["permissions"]


class Identity:
    """One who logs in, and what the server complains of."""

    def __init__(self, entry):
        self.entry = entry
        self.complaints = []
        self.marks = 0
        with open(entry["seed"], encoding="ascii") as file:
            self.public = nkeys.from_seed(bytearray(file.read().strip(), "ascii")).public_key.decode()

    async def connect(self):
        tls = ssl.create_default_context(cafile=self.entry["ca"])
        tls.load_cert_chain(self.entry["cert"], self.entry["key"])

        async def complain(error):
            self.complaints.append(str(error).lower())

        self.nats = await nats.connect(
            self.entry["bus"], tls=tls, nkeys_seed=self.entry["seed"], error_cb=complain,
            inbox_prefix=self.entry["inbox"].encode(), allow_reconnect=False,
        )

    async def hears(self, mark):
        while not any(mark in complaint for complaint in self.complaints):
            await asyncio.sleep(0.001)

    async def can(self, publish, subject):
        """Whether the server lets it. It complains in order, so what it says of a subject that nobody
        may use comes behind what it says of this one."""
        self.complaints.clear()
        if publish:
            await self.nats.publish(subject, b"{}")
        else:
            subscription = await self.nats.subscribe(subject)
        self.marks += 1
        mark = f'"_mark.{self.marks}"'
        await self.nats.publish(mark.strip('"'), b"")
        await self.nats.flush(timeout=10)
        await asyncio.wait_for(self.hears(mark), timeout=10)
        what = "publish to" if publish else "subscription to"
        wanted = f'permissions violation for {what} "{subject.lower()}"'
        refused = any(wanted in complaint for complaint in self.complaints)
        if not publish and not refused:
            await subscription.unsubscribe()
        return not refused


async def rows(entry):
    identity = Identity(entry)
    may = said(entry["conf"], identity.public)
    await identity.connect()
    found = []
    for publish, subject in subjects(entry["inbox"]):
        allow = may["publish" if publish else "subscribe"]["allow"]
        rendered = any(covers(pattern, subject) for pattern in allow)
        found.append({
            "who": entry["who"], "does": "publish" if publish else "subscribe", "subject": subject,
            "rendered": rendered, "server": await identity.can(publish, subject),
        })
    await identity.nats.close()
    return found


def line(row):
    word = {True: "allowed", False: "refused"}
    differs = "" if row["rendered"] == row["server"] else "DIFFERS"
    return (f'{row["who"]:<22} {row["does"]:<9} {row["subject"]:<42} '
            f'{word[row["rendered"]]:<8} {word[row["server"]]:<7} {differs}').rstrip()


async def main():
    with open(sys.argv[-1], encoding="utf-8") as file:
        entries = json.load(file)
    table = [row for entry in entries for row in await rows(entry)]
    different = [row for row in table if row["rendered"] != row["server"]]
    if "--json" in sys.argv[1:-1]:
        print(json.dumps(table, indent=1))
    else:
        print(f'{"who":<22} {"does":<9} {"subject":<42} {"rendered":<8} server')
        for row in table:
            print(line(row))
        allowed = sum(row["server"] for row in table)
        print(f"\n{len(table)} tried, {allowed} allowed, {len(table) - allowed} refused, {len(different)} otherwise than rendered")
    # a table in which nothing is allowed, or nothing refused, has tried nothing
    whole = all(any(row["server"] == so for row in table if row["who"] == entry["who"])
                for entry in entries for so in (True, False))
    return 0 if whole and not different else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
