"""The hierarchy: units, duties, people, terminals, chat groups."""
