"""The store on SQLite: one writer thread, a few reader threads, one file."""
