"""What was known before a gap is what the messages behind it are inferred from."""

from dissectors.chunk_state import Flag
from dissectors.reader import ChunkReader
from tests.dissectors.chunk_builder import Message, Style, build

INFERRED = Flag.INFERRED_TIMESTAMP | Flag.INFERRED_MSID


def test_a_lost_chunk_header_does_not_reset_ids_and_clocks() -> None:
    messages = []
    for number in range(60):
        body = b"\xaf\x01" + bytes([number]) * (200 + number)
        messages.append(Message(4, 8, 1, 23 * number, body))
        picture = b"\x27\x01\0\0\0" + bytes([number]) * (900 + number)
        messages.append(Message(6, 9, 1, 40 * number, picture))
    built = build(messages, Style())
    data, lost = bytes(built.data), built.rows[40]
    reader = ChunkReader(0)
    reader.feed(data[: lost.offset])
    reader.gap(8)  # the header of a fmt 1
    reader.feed(data[lost.offset + 8 :])
    reader.finish()
    rows = reader.take()
    before = {row.csid: row.timestamp for row in rows if row.end_offset <= lost.offset}
    later = [row for row in rows if row.header_offset > lost.offset]
    assert len(later) == len(messages) - 41
    for row in later:
        assert row.msid == 1 and row.flags & INFERRED == INFERRED
        truth = messages[[each.offset for each in built.rows].index(row.header_offset)]
        # Audio lacks the step of the message that was lost, video none.
        assert row.timestamp == truth.time - (23 if row.csid == 4 else 0) > before[row.csid]
