"""The dialers: one module each behind the small protocol of `base`; shared HTTP session."""
