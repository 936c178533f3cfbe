"""Campaigns as data: the YAML file's model and the catalogue of files."""
