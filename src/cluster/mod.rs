//! What a product's cluster looks like from outside, and how a zone is stopped and started.
