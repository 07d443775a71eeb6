//! The verdict: analysis and objectives in, PASS or not out, each with its evidence.
