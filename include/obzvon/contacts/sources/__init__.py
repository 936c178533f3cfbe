"""One module a kind of source: its keys in a campaign file, and how it opens a `Table` or says why it cannot."""
