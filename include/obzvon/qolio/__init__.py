"""Payload and client of the quality-assurance service."""
