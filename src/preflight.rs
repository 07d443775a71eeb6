//! The pre-upgrade checks: is this cluster fit to be upgraded?
