"""The receiver of vendors' events, mounted beside the pages."""
