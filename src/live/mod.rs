//! What a person sees while a run goes on. It watches the event stream; it never measures.

mod tally;

pub use tally::{Live, Second};
