"""Qolio under /qolio: add or update a call; the account API with users, communications and reviews."""
