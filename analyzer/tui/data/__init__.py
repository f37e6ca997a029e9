"""What the views show, computed over columns; nothing of textual here."""
