"""Backups of the warehouse and of the archive, and machines that are made of them."""
