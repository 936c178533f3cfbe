"""What runs in the triggerer: looks only."""
