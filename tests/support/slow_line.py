"""A bad line between two network cards of this namespace: every frame late, some lost.

    slow_line.py CARD CARD DELAY_MS LOSS_PERCENT

For kernels without netem. Frames keep what the kernel left for the card to do (segments, checksums),
which is why each comes with a virtio header (PACKET_VNET_HDR of packet(7))."""
import heapq
import random
import select
import socket
import sys
import time

SOL_PACKET, PACKET_VNET_HDR, PACKET_OUTGOING = 263, 15, 4


def card(name):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
    end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    end.bind((name, 0))
    return end


def main(first, second, delay_ms, loss_percent):
    ends = (card(first), card(second))
    dice, under_way, number = random.Random(1), [], 0
    print("ready", flush=True)
    while True:
        wait_s = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        for end in select.select(ends, [], [], wait_s)[0]:
            frame, address = end.recvfrom(1 << 17)
            if address[2] == PACKET_OUTGOING or dice.uniform(0, 100) < loss_percent:
                continue
            number += 1  # keeps their order, and heapq from comparing sockets
            other = ends[1] if end is ends[0] else ends[0]
            heapq.heappush(under_way, (time.monotonic() + delay_ms / 1000, number, other, frame))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, end, frame = heapq.heappop(under_way)
            try:
                end.send(frame)
            except OSError:
                pass  # A line that is overloaded loses frames.


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
