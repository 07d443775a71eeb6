//! Drives the load: schedule, terminals, routing, retries, probes, self-watch.
