"""Statements that bring the sums of one plan up to date, one a table; `changes.sql` notices what is out of date."""
