"""The stage that waits."""
