//! All that checks and observer ask.

use super::{checks, leaders, questions, reading, watch};

/// Every query that is put to the sys tenant by checks and observer, with who asks it: what a user
/// must have the right to read, and what a release or kernel must have. A check may be two, set
/// apart by a semicolon.
pub fn queries() -> Vec<(&'static str, &'static str)> {
    let one_by_one = checks::QUESTIONS.into_iter();
    let counts = questions::COUNTS.iter().map(|count| &count.question);
    let asked = one_by_one.chain(counts).map(|question| (question.id, question.query));
    let watched = [
        ("observer: zones", reading::ZONES),
        ("observer: servers", reading::SERVERS),
        ("observer: replicas", reading::REPLICAS),
        ("observer: leaders", watch::LEADERS),
        ("observer: schemas", watch::SCHEMAS),
        ("observer: parameters", watch::PARAMETERS),
        ("observer: history", watch::HISTORY),
        ("observer: elections", leaders::ELECTIONS),
    ];
    asked.chain(watched).collect()
}
