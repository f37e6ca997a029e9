"""NET rules about TCP: windows, retransmissions, resets, silence."""

from analyzer.session import Session
from tests.analyzer import talk
from tests.analyzer.rules.builder import ACK, C, S, Talk, found, good, metadata, picture


def stalled(ms: float) -> Talk:
    """The server's window is shut for a while."""
    talk = Talk().publishing().media(0.5)
    talk.window[S] = 0
    talk.packet(S)
    talk.wait(ms)
    talk.window[S] = 65000
    talk.packet(S)
    return talk.media(0.5, start=500).ending()


def test_net_01_the_receiver_does_not_read():
    item = found(stalled(500), "NET-01")
    assert item is not None
    assert (item.severity, item.blame, item.actual) == ("warning", "server", "500 ms")
    long = found(stalled(2500), "NET-01")
    assert long is not None and long.severity == "error"
    assert found(stalled(150), "NET-01") is None


def repeated(every: int) -> Talk:
    """Each `every`th video message is sent again 300 ms later."""
    talk = Talk().publishing()
    for number in range(60):
        at, data = talk.sent[C], talk.encoded(C, picture(40 * number, size=1000))
        talk.raw(C, data)
        if number % every == 0:
            talk.wait(300).packet(C, data, seq=at)
        talk.wait(40)
    return talk.ending()


def test_net_02_much_is_sent_again():
    item = found(repeated(4), "NET-02")
    assert item is not None and (item.severity, item.blame) == ("error", "network")
    item = found(repeated(15), "NET-02")
    assert item is not None and item.severity == "warning"
    assert found(repeated(60), "NET-02") is None


def retried(waits: tuple[int, ...]) -> Talk:
    talk = Talk().publishing().media(1)
    at, data = talk.sent[C], talk.encoded(C, picture(1000))
    talk.raw(C, data)
    for wait in waits:
        talk.wait(wait).packet(C, data, seq=at)
    return talk.wait(50).media(1, start=1040).ending()


def test_net_02_a_segment_needs_several_tries():
    item = found(retried((300, 600, 1200)), "NET-02")
    assert item is not None and item.severity == "error" and "1.2 s" in item.text
    item = found(retried((300, 300, 300)), "NET-02")
    assert item is None or "again and again" not in item.text


def test_net_06_reset_inside_a_message():
    talk = Talk().publishing().media(1)
    data = talk.encoded(C, picture(1000, size=900))
    talk.raw(C, data[:200]).rst(S)
    item = found(talk, "NET-06")
    assert item is not None and (item.severity, item.blame) == ("error", "server")
    assert f"{len(data) - 200} bytes" in item.text


def test_net_06_reset_after_a_proper_end_is_a_note():
    talk = good()
    assert found(talk, "NET-06") is None
    talk = Talk().publishing().media(1).rst(C)
    between = found(talk, "NET-06")
    assert between is not None and (between.severity, between.blame) == ("warning", "client")


def test_net_07_a_publisher_falls_silent():
    talk = Talk().publishing().media(1)
    assert found(talk, "NET-07", until_ms=talk.now + 9_000) is None
    item = found(talk, "NET-07", until_ms=talk.now + 11_000)
    assert item is not None and item.blame == "client"


def test_net_08_the_publisher_comes_back_from_another_address():
    old = Talk().publishing().media(1)
    new = Talk(start_ms=5_000, client="10.0.0.77").publishing().media(1).ending()
    item = found([old, new], "NET-08")
    assert item is not None and item.connection == "c1"
    closed = Talk().publishing().media(1).ending()
    assert found([closed, new], "NET-08") is None


def test_net_09_headers_cost_a_quarter():
    def sized(bytes_each: int) -> Talk:
        talk = Talk().publishing().send(C, metadata())
        for number in range(150):
            talk.send(C, picture(40 * number, size=bytes_each))
        return talk.ending()

    item = found(sized(60), "NET-09")
    assert item is not None and (item.severity, item.blame) == ("note", "client")
    assert found(sized(500), "NET-09") is None


def test_net_09_says_nothing_of_packets_that_the_capture_cut():
    session = Session([str(talk.CAPTURES / "lab/nginx-snaplen96.pcap")])
    session.run()
    rules = {item.rule for item in session.diagnostics}
    assert "CAP-03" in rules and "NET-09" not in rules


def test_pure_acknowledgements_are_no_retransmissions():
    talk = good()
    for _ in range(20):
        talk.packet(S, flags=ACK)
    assert found(talk, "NET-02") is None
