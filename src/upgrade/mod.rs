//! The rolling upgrade: its plan and its runner with a journal.
