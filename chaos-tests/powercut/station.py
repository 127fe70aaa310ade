#!/usr/bin/env python3
"""Cuts the power under a whole station, node and bus together, and counts its inbox.

Each round: a station runs on a filesystem that forgets what was not synced, publishers that are
not ours (nats-py) hand in reports, the power goes at a random moment, a second station starts on
what the disk kept. Every report that was answered with an id must then be in YZ_INBOX exactly once.

    YIZHAN_PCFS=path/to/pcfs python3 station.py path/to/yizhan [--rounds 10] [--modes drop torn subset]

Needs nats-py, FUSE, and a nats-server where yizhan finds it. Prints a table and, as its last line,
JSON; exits 1 if anything was lost, doubled or did not start again.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import nats
from nats.js.api import AckPolicy, ConsumerConfig

TOPOLOGY = '[county]\nname = "c"\ntiers = ["county"]\n[[station]]\ncode = "510722"\nname = "c"\n'
PUBLISHERS = 32
READY_SECONDS = 60
SETTLE_SECONDS = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(yizhan, place, data, port, log):
    (place / "topology.toml").write_text(TOPOLOGY)
    config = place / "yizhan.toml"
    config.write_text(
        '[station]\ncode = "510722"\ntopology = "topology.toml"\n'
        f'[data]\ndir = "{data}"\n'
        f'[bus]\nlisten = "127.0.0.1:{port}"\ndemo_open = true\n'
        '[http]\nlisten = "127.0.0.1:0"\n'
        '[spool]\nsegment_bytes = "1MiB"\n'
    )
    output = open(place / log, "w")
    return subprocess.Popen([yizhan, "run", "--config", config], stdout=output, stderr=output)


def ready(data):
    deadline = time.time() + READY_SECONDS
    while time.time() < deadline:
        try:
            url = (data / "http.url").read_text().strip()
            with urllib.request.urlopen(url + "/readyz", timeout=1) as answer:
                if answer.status == 200:
                    return True
        except (OSError, ValueError):  # not there yet, or what an earlier life left half written
            time.sleep(0.05)
    return False


async def quiet(_error):
    pass


async def publish(port, accepted, stop):
    bus = await nats.connect(f"nats://127.0.0.1:{port}", error_cb=quiet, max_reconnect_attempts=0)

    async def one_after_another():
        while not stop.is_set() and not bus.is_closed:
            report = {
                "category": "fire",
                "severity": "general",
                "description": "x" * random.randint(10, 1500),
                "occurred_at": "2026-11-23T08:30:00+08:00",
            }
            try:
                request = bus.request("yz.submit.incident.report", json.dumps(report).encode())
                answer = json.loads((await asyncio.wait_for(request, 1)).data)
                if "id" in answer:
                    accepted.append(answer["id"])
            except (asyncio.TimeoutError, nats.errors.Error):
                pass  # no answer, no promise

    await asyncio.gather(*[one_after_another() for _ in range(PUBLISHERS)])


async def inbox(port):
    bus = await nats.connect(f"nats://127.0.0.1:{port}", error_cb=quiet)
    everything = ConsumerConfig(ack_policy=AckPolicy.NONE)
    reader = await bus.jetstream().pull_subscribe("yz.inbox.>", stream="YZ_INBOX", config=everything)
    found = []
    while True:
        try:
            found += [message.header["Yz-Id"] for message in await reader.fetch(500, timeout=1)]
        except (asyncio.TimeoutError, nats.errors.TimeoutError):
            break
    await bus.close()
    return found


def forge_another_boot(data):
    """A power cut is another boot of the machine; this machine was not really switched off."""
    note = data / "bus" / "server.json"
    if note.exists():
        said = json.loads(note.read_text())
        note.write_text(json.dumps({**said, "boot": "00000000-0000-0000-0000-000000000000"}))


def cut(pcfs, yizhan, mode, place):
    image, mount = place / "image", place / "mount"
    image.mkdir()
    mount.mkdir()
    disk = subprocess.Popen(
        [pcfs, image, mount, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    disk.stdout.readline()
    port = free_port()
    node = start(yizhan, place, mount / "data", port, "before.log")
    accepted = []

    async def run_until_the_cut():
        stop = asyncio.Event()
        publishing = asyncio.create_task(publish(port, accepted, stop))
        await asyncio.sleep(random.uniform(0.3, 3.0))
        disk.send_signal(signal.SIGUSR1)
        await asyncio.sleep(0.05)
        stop.set()
        node.kill()
        await asyncio.wait([publishing], timeout=3)

    if ready(mount / "data"):
        asyncio.run(run_until_the_cut())
    node.kill()
    node.wait()
    time.sleep(0.3)  # its nats-server dies with it, and lets go of the files
    disk.stdin.close()
    disk.stdout.read()
    disk.wait()
    return image / "data", accepted


def look(yizhan, place, data, accepted):
    forge_another_boot(data)
    (data / "http.url").unlink(missing_ok=True)  # of the life before: its port may be another's now
    port = free_port()
    node = start(yizhan, place, data, port, "after.log")
    try:
        if not ready(data):
            return None
        deadline = time.time() + SETTLE_SECONDS
        while True:
            found = asyncio.run(inbox(port))
            lost = len(set(accepted) - set(found))
            if lost == 0 or time.time() > deadline:
                return lost, len(found) - len(set(found))
    finally:
        node.terminate()
        node.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("yizhan", help="the binary")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--modes", nargs="+", default=["drop", "torn", "subset"])
    asked = parser.parse_args()
    pcfs = os.environ.get("YIZHAN_PCFS")
    if not pcfs:
        sys.exit("error: YIZHAN_PCFS names no filesystem that forgets; see chaos-tests/powercut/README.md")
    print(f"{'mode':8} {'rounds':>6} {'accepted':>9} {'lost':>6} {'twice':>6} {'failed starts':>14}")
    table = []
    for mode in asked.modes:
        row = {"mode": mode, "rounds": asked.rounds, "accepted": 0, "lost": 0, "twice": 0, "failed": 0}
        for _ in range(asked.rounds):
            with tempfile.TemporaryDirectory(prefix="yizhan-cut-") as place:
                data, accepted = cut(pcfs, asked.yizhan, mode, Path(place))
                counted = look(asked.yizhan, Path(place), data, accepted)
            row["accepted"] += len(accepted)
            if counted is None:
                row["failed"] += 1
            else:
                row["lost"] += counted[0]
                row["twice"] += counted[1]
        print("{mode:8} {rounds:6} {accepted:9} {lost:6} {twice:6} {failed:14}".format(**row), flush=True)
        table.append(row)
    print(json.dumps(table))
    bad = any(row["lost"] or row["twice"] or row["failed"] or not row["accepted"] for row in table)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
