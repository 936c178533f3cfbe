"""The contact list: reading, canonical phone, time zone."""
