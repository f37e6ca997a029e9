"""TCP reassembly, whatever the order: what is delivered, and what may not change it."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.tcp import limits, tracker
from analyzer.tcp.fast import plain_frame
from analyzer.tcp.track import Track
from tests.analyzer.tcp_builder import (
    ACK,
    FIN,
    MASK,
    RST,
    SYN,
    Ends,
    Packet,
    handshake,
    run,
    snapshot,
)

STREAM = random.Random(1).randbytes(3000)
ISNS = st.sampled_from([0, 99, 0x7FFFFF00, 0xFFFFFF00, 0xFFFFFFFE, MASK])
PIECES = st.lists(
    st.tuples(st.integers(0, 2999), st.integers(1, 400)), min_size=1, max_size=60
).map(lambda pairs: [(low, min(low + size, len(STREAM))) for low, size in pairs])


@st.composite
def cut_shuffled_dropped(draw):
    """Cut the stream into segments, drop some, add overlapping ones, and mix the order."""
    marks = sorted({0, len(STREAM), *draw(st.lists(st.integers(1, 2999), max_size=40))})
    pieces = [piece for piece in pairwise(marks) if draw(st.integers(0, 4))]
    pieces += draw(PIECES)
    pieces += draw(st.lists(st.sampled_from(pieces), max_size=10))
    return draw(st.permutations(pieces))


@settings(max_examples=100, deadline=None)
@given(st.one_of(cut_shuffled_dropped(), PIECES), ISNS, st.booleans())
def test_output_is_the_stream_outside_the_gaps_and_gaps_are_what_is_missing(pieces, isn, acked):
    packets = handshake(isn)
    for low, high in pieces:
        packets.append(Packet(isn + 1 + low, STREAM[low:high]))
        if acked:
            packets.append(Packet(500, ack=isn + 1 + high, reverse=True))
    result = run(packets)
    position, delivered = 0, set()
    for part in result.parts():
        if isinstance(part, bytes):
            assert part == STREAM[position : position + len(part)]
            delivered.update(range(position, position + len(part)))
            position += len(part)
        else:
            position += part[0]
    assert delivered == {n for low, high in pieces for n in range(low, high)}
    direction = result.tracker.connections[0].directions[0]
    assert direction.length == position
    assert direction.gaps.missing() == position - len(delivered)
    assert direction.stats.overlap_conflicts == 0
    assert result.tracker._budget.used == 0
    where = direction.locate(0, position)
    assert sum(piece.length for piece in where) == position
    holes = [(piece.stream_offset, piece.length) for piece in where if piece.frame is None]
    assert sum(length for _, length in holes) == direction.gaps.missing()


def conversation(seed, count=700, flows=3, trouble=0.02):
    """Return a busy capture: several flows, both ways, with all that can go wrong, rarely."""
    rng = random.Random(seed)
    packets, time_ms = [], 0.0
    ends = [[rng.choice([99, 0xFFFFF000]), 0xFFFFFFF0] for _ in range(flows)]
    for flow, (client, server) in enumerate(ends):
        if rng.random() < 0.7:
            packets += handshake(client, server, flow)
        ends[flow] = [client + 1, server + 1]
    for number in range(count):
        time_ms += rng.choice([0.01, 0.02, 3]) if rng.random() < 0.999 else 400
        flow, reverse = rng.randrange(flows), rng.random() < 0.3
        own, peer = ends[flow][reverse], ends[flow][not reverse]
        size = 0 if rng.random() < 0.3 else rng.randrange(1, 60)
        packet = Packet(own, rng.randbytes(size), ACK, peer, reverse, time_ms, flow=flow)
        ends[flow][reverse] += size
        if rng.random() < trouble:
            trouble_with(packet, rng)
        packets.append(packet)
        if rng.random() < trouble / 2:
            packets.append(packet)
        if rng.random() < trouble / 2:
            del packets[-1 - rng.randrange(min(number + 1, 30))]
        if rng.random() < trouble / 2:
            packets.insert(len(packets) - rng.randrange(min(len(packets), 9)), packets.pop())
    return packets


def trouble_with(packet, rng):
    kind = rng.randrange(9)
    if kind == 0:
        packet.seq -= rng.randrange(1, 100)
    elif kind == 1:
        packet.window = 0
    elif kind == 2:
        packet.cut = rng.randrange(len(packet.payload) + 1)
    elif kind == 3:
        packet.ack += rng.choice([-(1 << 30), -500, 1, 900, 1 << 30, (1 << 30) + 5, 1 << 31])
    elif kind == 4:
        packet.seq += rng.choice([5, 1 << 29, 1 << 30, 1 << 31])
    elif kind == 5 and rng.random() < 0.3:
        packet.flags = rng.choice([FIN | ACK, RST, SYN, SYN | ACK, FIN | SYN, RST | ACK, 0])
    elif kind == 6:
        packet.seq, packet.payload = packet.seq - 1, packet.payload[:1]
    elif kind == 7:
        packet.ack = rng.randrange(MASK)
    else:
        packet.flags = 0


FLOWS = [Ends(a_port=1000 + n) for n in range(3)]


def test_plain_frames_never_take_the_slow_path(monkeypatch):
    start = [*handshake(0xFFFFFFFE, 499), Packet(0xFFFFFFFF, bytes(101), ack=500)]
    packets = [Packet(100 + n, b"a", ack=500, time_ms=n) for n in range(500)]
    packets += [Packet(500 + n, b"b", ack=600, reverse=True) for n in range(500)]
    monkeypatch.setattr(Track, "packet", None)
    calls = []
    monkeypatch.setattr(tracker, "plain_frame", lambda *args: calls.append(1) or plain_frame(*args))
    result = run([*start, *packets], [4, 300])
    assert result.parts() == [bytes(101) + b"a" * 500]
    assert result.parts(1) == [b"b" * 500]
    assert len(calls) == 1


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("trouble", [0, 0.002, 0.05])
def test_fast_path_gives_what_the_slow_path_gives(seed, trouble, monkeypatch):
    packets = conversation(seed, trouble=trouble)
    cuts = sorted(random.Random(seed).sample(range(len(packets)), 6))
    with monkeypatch.context() as patch:
        patch.setattr(limits, "FAST_SEGMENTS", 1 << 30)
        patch.setattr(tracker, "plain_frame", lambda *_: False)
        slow = snapshot(run(packets, cuts, FLOWS))
    monkeypatch.setattr(limits, "SPLIT_FRAMES", 20)
    for least in (1 << 30, 1, 20):
        monkeypatch.setattr(limits, "FAST_SEGMENTS", least)
        assert snapshot(run(packets, cuts, FLOWS)) == slow


@pytest.mark.parametrize("seed", range(15))
def test_batches_change_nothing(seed, monkeypatch):
    monkeypatch.setattr(limits, "FAST_SEGMENTS", 5)
    packets = conversation(seed, trouble=0.01)
    whole = snapshot(run(packets, flows=FLOWS))
    rng = random.Random(seed)
    for count in (1, 3, 20, 100):
        cuts = sorted(rng.sample(range(len(packets)), count))
        assert snapshot(run(packets, cuts, FLOWS)) == whole
    if seed < 3:
        assert snapshot(run(packets, range(len(packets)), FLOWS)) == whole


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.builds(
            Packet,
            st.integers(0, MASK) | st.integers(90, 300),
            st.binary(max_size=30),
            st.integers(0, 255),
            st.integers(0, MASK) | st.integers(90, 300),
            st.booleans(),
            st.floats(0, 1e12) | st.none(),
            st.integers(0, 65535),
            flow=st.integers(0, 2),
            options=st.binary(max_size=10).map(lambda raw: raw * 4),
        ),
        max_size=60,
    ),
    st.integers(0, 60),
)
def test_hostile_frames_raise_nothing(packets, cut):
    result = run(packets, [min(cut, len(packets))], FLOWS)
    assert sorted(result.recorder.closes) == result.recorder.opens
    assert result.tracker._budget.used == 0
    assert snapshot(run(packets, flows=FLOWS)) == snapshot(result)
