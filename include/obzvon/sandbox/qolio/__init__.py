"""Qolio under /qolio: add or update a call."""
