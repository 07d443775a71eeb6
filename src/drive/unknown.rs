//! Tells the words of errors that are in no table, once for each code.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::event::{
    ClusterEvent, ClusterFact, ErrorClass, Event, RunTime, Source, UnknownError, ZoneId,
};
use crate::session::Failure;

/// Codes told apart; a server that invents one for every error must not fill the record.
const CODES_MAX: usize = 100;

/// The codes that were told already.
#[derive(Debug, Default)]
pub(super) struct Unknowns(Mutex<BTreeSet<(u16, [u8; 5])>>);

impl Unknowns {
    /// What to tell of a failure at `at`, if its code is in no table and was not told yet.
    pub(super) fn tell(
        &self,
        failure: &Failure,
        zone: Option<ZoneId>,
        at: RunTime,
    ) -> Option<Event> {
        if failure.class != ErrorClass::Other {
            return None;
        }
        let code = failure.code;
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = told.len() < CODES_MAX && told.insert((code.errno, code.sqlstate));
        let fact = ClusterFact::UnknownError(UnknownError {
            zone,
            errno: code.errno,
            sqlstate: code.sqlstate_str().to_owned(),
            statement: failure.statement,
            text: failure.message.clone(),
        });
        let event = ClusterEvent { at, uncertainty_us: 0, source: Source::Observer, fact };
        is_new.then_some(Event::Cluster(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ErrorCode, StatementKind};

    #[test]
    fn an_unknown_code_is_told_in_its_words_and_once() {
        let unknowns = Unknowns::default();
        let failure = |class, errno| Failure {
            class,
            code: ErrorCode { errno, sqlstate: *b"HY000" },
            ..Failure::data(StatementKind::Commit, "the moon is full")
        };
        let tell = |class, errno| unknowns.tell(&failure(class, errno), None, RunTime(7));
        assert_eq!(tell(ErrorClass::Deadlock, 1213), None);
        let told = tell(ErrorClass::Other, 9999);
        let Some(Event::Cluster(ClusterEvent { fact: ClusterFact::UnknownError(error), .. })) =
            told
        else {
            panic!("{told:?}");
        };
        assert_eq!((error.errno, error.text.as_str()), (9999, "the moon is full"));
        assert_eq!(tell(ErrorClass::Other, 9999), None);
        assert!(tell(ErrorClass::Other, 9998).is_some());
        let told = (0..1000).filter(|errno| tell(ErrorClass::Other, *errno).is_some()).count();
        assert_eq!(told, CODES_MAX - 2);
    }
}
