"""What vendors tell by themselves: stored as it comes, told to those who wait, moved into the archive and loaded."""
