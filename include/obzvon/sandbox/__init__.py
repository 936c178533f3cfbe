"""The three vendors as one local HTTP server."""
