"""What is handed out on paper about an alert: who calls whom, which doors to knock at, a poster."""
