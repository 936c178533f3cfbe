"""What erasing a person and retention share: the archive's pages and folders, and the statements."""
