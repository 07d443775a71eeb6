//! The command line: one file a verb, the exit code decided in one place.
