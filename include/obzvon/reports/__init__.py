"""Archive of raw answers, completeness rule, outcomes."""
