"""Connections as plain values: vendor accounts and the warehouse."""
