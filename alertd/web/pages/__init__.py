"""The console's pages, rendered here; they work without scripts, and scripts keep them fresh."""
