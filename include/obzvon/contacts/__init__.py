"""Reading a contact list, making phones canonical, finding time zones. See `read.read` and `prepare.prepare`."""
