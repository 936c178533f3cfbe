"""Recordings of calls in our own storage: fetched from the vendor's links with care, kept whole, shown by signed links.

settings   what the campaign file says
hosts      which hosts and addresses a link may lead to
audio      what is taken for a recording
fetch      one link to one file
store      where copies lie
ledger     ops.recording: which calls have a copy, and why the others have none
links      addresses under which a copy is shown to people without a login
media      what Qolio gets for a call
"""
