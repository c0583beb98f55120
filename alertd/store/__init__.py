"""The only SQL: tables, statements, journal, migrations."""
