//! Holds the ledger against the database, on every zone.
