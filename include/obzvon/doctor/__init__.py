"""What is wrong with a deployment, and what to do about it. Everything here reads and changes nothing."""
