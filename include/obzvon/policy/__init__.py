"""Rules a campaign must respect: purposes, calling windows, the calendar. The numbers are the user's policy file."""
