"""What people do through the web: functions of the engine's turn, with authority asked first."""
