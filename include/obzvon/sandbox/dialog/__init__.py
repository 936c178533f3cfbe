"""Dialog («Диалог») under /dialog: login, create a campaign, report."""
