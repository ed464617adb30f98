"""A bad cable, for kernels without sch_netem: takes a node's port off its bridge, puts a TAP device there in its place,
and carries every frame between the two, later, twice or not at all.

    relay.py PORT NAMESPACE

runs in the bridge's namespace; NAMESPACE is the node's, whose end of the pair must make whole frames (no checksum or
segment left to a card that is none). Each line of standard input is JSON: {"delay": s, "jitter": s, "loss": 0..1,
"duplicate": 0..1}, in force from then on, for each frame of either way. It says "ready" once the port is its own, and
ends with its standard input.
"""
import array
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
SIOCETHTOOL, ETHTOOL_STXCSUM, ETHTOOL_STSO = 0x8946, 0x17, 0x1F
CLONE_NEWNET = 0x40000000
ETH_P_ALL, PACKET_OUTGOING, SO_RCVBUFFORCE = 3, 4, 33
# Frames read from one side before the other has its turn.
BURST = 256
# A frame is at most this long: the MTU and its header, with room.
LONGEST = 65536


def whole_frames(namespace, device):
    """Turns offloads off at the node's end."""
    with open("/proc/self/ns/net") as here, open(f"/run/netns/{namespace}") as there:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            for what in (ETHTOOL_STXCSUM, ETHTOOL_STSO):
                value = array.array("B", struct.pack("II", what, 0))
                request = struct.pack("16sP", device.encode(), value.buffer_info()[0])
                fcntl.ioctl(any_socket, SIOCETHTOOL, request)
        libc.setns(here.fileno(), CLONE_NEWNET)


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def open_port(name):
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    port.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    port.setblocking(False)
    port.bind((name, ETH_P_ALL))
    return port


class Relay:
    def __init__(self, port, tap):
        self.port, self.tap = port, tap
        self.how = {"delay": 0, "jitter": 0, "loss": 0, "duplicate": 0}
        # (when it is due, its number, how to send it, the frame)
        self.waiting = []
        self.number = 0

    def take(self, frame, send):
        how = self.how
        for _ in range(2 if random.random() < how["duplicate"] else 1):
            if random.random() < how["loss"]:
                continue
            due = time.monotonic() + max(0, how["delay"] + how["jitter"] * random.uniform(-1, 1))
            self.number += 1
            heapq.heappush(self.waiting, (due, self.number, send, frame))

    def from_port(self):
        for _ in range(BURST):
            try:
                frame, (_, _, kind, *_) = self.port.recvfrom(LONGEST)
            except BlockingIOError:
                return
            if kind != PACKET_OUTGOING:
                self.take(frame, self.to_tap)

    def from_tap(self):
        for _ in range(BURST):
            try:
                frame = os.read(self.tap, LONGEST)
            except BlockingIOError:
                return
            self.take(frame, self.to_port)

    def to_tap(self, frame):
        os.write(self.tap, frame)

    def to_port(self, frame):
        self.port.send(frame)

    def send_due(self):
        """Gives back how long until the next is due, in seconds."""
        while self.waiting:
            due, _, send, frame = self.waiting[0]
            left = due - time.monotonic()
            if left > 0:
                return left
            heapq.heappop(self.waiting)
            try:
                send(frame)
            except OSError:
                # No room, or the device is being taken down: a frame is lost, as on a cable.
                pass
        return None

    def run(self, orders):
        while True:
            readable, _, _ = select.select([self.port, self.tap, orders], [], [], self.send_due())
            if self.port in readable:
                self.from_port()
            if self.tap in readable:
                self.from_tap()
            if orders in readable:
                line = orders.readline()
                if line == b"":
                    return
                self.how = json.loads(line)


def main():
    name, namespace = sys.argv[1:]
    whole_frames(namespace, "eth0")
    tap = open_tap(f"{name}~")
    port = open_port(name)
    subprocess.run(["ip", "link", "set", "dev", f"{name}~", "txqueuelen", "10000", "master", "bridge", "up"], check=True)
    subprocess.run(["ip", "link", "set", "dev", name, "nomaster"], check=True)
    print("ready", flush=True)
    # Unbuffered: what select sees is what is there.
    Relay(port, tap).run(open(0, "rb", buffering=0))


main()
