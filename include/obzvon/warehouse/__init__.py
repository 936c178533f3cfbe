"""The warehouse: tables, migrations, seeds, bulk load, marts. PostgreSQL only."""
