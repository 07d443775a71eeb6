//! Record in, figures out: pure functions, no clock, no database.
