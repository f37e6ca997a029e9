"""What the list in the middle can show: messages, chunks, TCP segments. No textual here."""
