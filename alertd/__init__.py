"""alertd: offline-first emergency mobilization and alert broadcaster."""
