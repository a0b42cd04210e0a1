"""What a scan is told to leave out and to keep, and what is promised of its rows: no function is known here."""
