"""CTL rules: acknowledgements and pings."""

from tests.analyzer.rules.builder import C, S, Talk, control, found, picture, session, user_control

WINDOW = 20_000


def sent(number: int, every: int = 0, factor: float = 1.0, origin: int = 0) -> Talk:
    """A client with a window of 20,000 bytes; the server acknowledges each `every` messages."""
    talk = Talk().publishing().send(C, control(5, WINDOW))
    for count in range(number):
        talk.send(C, picture(40 * count, size=1000)).wait(40)
        if every and count % every == every - 1:
            talk.send(S, control(3, int((talk.sent[C] - origin) * factor) & 0xFFFFFFFF))
    return talk


def test_ctl_01_no_acknowledgement_in_one_and_a_half_windows():
    item = found(sent(70).ending(), "CTL-01")
    assert item is not None and (item.severity, item.blame) == ("warning", "server")
    assert found(sent(70, every=15).ending(), "CTL-01") is None
    assert found(sent(25).ending(), "CTL-01") is None


def test_ctl_01_the_sender_waits_and_gives_up():
    item = found(sent(32).wait(11_000).fin(C), "CTL-01")
    assert item is not None and item.severity == "error"


def test_ctl_02_counts_from_behind_the_handshake_are_fine():
    assert found(sent(70, every=15), "CTL-02") is None
    assert found(sent(70, every=15, origin=3073), "CTL-02") is None


def acknowledged(*numbers: int) -> Talk:
    """Each of the numbers comes behind 27,000 bytes more."""
    talk = sent(0)
    for count, number in enumerate(numbers):
        for at in range(27):
            talk.send(C, picture(40 * (27 * count + at), size=1000)).wait(100)
        talk.send(S, control(3, number))
    return talk


def test_ctl_02_counts_that_are_off_by_more_than_a_window():
    ahead = found(acknowledged(527_214, 554_000), "CTL-02")
    assert ahead is not None and "do not count" in ahead.text and ahead.blame == "server"
    behind = found(acknowledged(20_000, 20_100), "CTL-02")
    assert behind is not None and behind.count == 1, "the first one is less than a window off"
    same = found(acknowledged(WINDOW, WINDOW, WINDOW), "CTL-02")
    assert same is not None and "increments" in same.text
    back = found(acknowledged(30_000, 29_000), "CTL-02")
    assert back is not None and "go back" in back.text
    assert found(acknowledged(30_000, 57_500), "CTL-02") is None


def test_ctl_02_what_is_counted_late_is_counted():
    talk = sent(0)
    talk.send(C, *(picture(40 * n, size=1000) for n in range(90)))
    assert found(talk.send(S, control(3, 25_000)), "CTL-02") is None


def test_ctl_a_direction_that_is_as_it_should_be_is_a_pass():
    results = session(sent(70, every=15).ending()).judgement.results
    assert {item.status for item in results if item.rule in ("CTL-01", "CTL-02")} == {"pass"}
    rules = {item.rule for item in session(sent(1)).judgement.results}
    assert "CTL-02" not in rules, "nothing is acknowledged"


def test_ctl_02_increments_instead_of_a_count():
    talk = sent(0)
    for count in range(6):
        for number in range(600):
            talk.send(C, picture(40 * (600 * count + number), size=3000))
        talk.send(S, control(3, WINDOW))
    item = found(talk, "CTL-02")
    assert item is not None and item.severity == "warning" and "increments" in item.text


def pinged(*answer: int, ends: bool = False, wait: float = 6_000) -> Talk:
    talk = Talk().publishing().send(S, user_control(6, 4711))
    for value in answer:
        talk.wait(50).send(C, user_control(7, value))
    talk.wait(wait).send(C, picture(0))
    return talk.fin(S) if ends else talk


def test_ctl_03_ping_without_response():
    item = found(pinged(), "CTL-03")
    assert item is not None and (item.severity, item.blame) == ("warning", "client")
    assert found(pinged(4711), "CTL-03") is None
    wrong = found(pinged(4712), "CTL-03")
    assert wrong is not None
    closed = found(pinged(ends=True), "CTL-03")
    assert closed is not None and closed.severity == "error"


def test_ctl_03_the_capture_ends_too_early_to_tell():
    assert found(pinged(wait=3_000), "CTL-03") is None
