//! From a server's error to its class.

use crate::event::{ErrorClass, StatementKind};
use crate::scenario::Product;

use super::{galera, group_replication, mysql, oceanbase};

/// What a failed COMMIT says about the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtCommit {
    /// The server proves that it did not commit.
    NotCommitted,
    /// It may have committed.
    Unknown,
}

/// One line of an error table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The server's errno.
    pub errno: u16,
    /// What kind of failure it is.
    pub class: ErrorClass,
    /// What it proves when COMMIT was what failed.
    pub at_commit: AtCommit,
}

/// A line whose code proves that nothing was committed.
pub(super) const fn sure(errno: u16, class: ErrorClass) -> Entry {
    Entry { errno, class, at_commit: AtCommit::NotCommitted }
}

/// A line whose code leaves a COMMIT's fate open.
pub(super) const fn open(errno: u16, class: ErrorClass) -> Entry {
    Entry { errno, class, at_commit: AtCommit::Unknown }
}

/// What the server said.
#[derive(Debug, Clone, Copy)]
pub struct ServerWords<'a> {
    /// Its errno.
    pub errno: u16,
    /// Its SQLSTATE.
    pub sqlstate: &'a str,
    /// Its message: evidence for people, and for the few codes that mean several things.
    pub message: &'a str,
}

/// Class of a server's error and, for COMMIT, what it proves.
pub fn classify(
    product: Product,
    words: ServerWords<'_>,
    statement: StatementKind,
) -> (ErrorClass, AtCommit) {
    let own: &[Entry] = match product {
        Product::Galera => galera::TABLE,
        Product::GroupReplication => group_replication::TABLE,
        Product::OceanBase => oceanbase::TABLE,
        Product::Plain => &[],
    };
    if product == Product::OceanBase
        && let Some(answer) = oceanbase::overloaded_code(words, statement)
    {
        return answer;
    }
    let entry = own.iter().chain(mysql::TABLE).find(|entry| entry.errno == words.errno);
    match entry {
        Some(entry) => (entry.class, entry.at_commit),
        // SQLSTATE class 40 means, in every product, that the transaction was rolled back.
        None if words.sqlstate.starts_with("40") => {
            (ErrorClass::RolledBack, AtCommit::NotCommitted)
        }
        None if words.sqlstate.starts_with("08") => (ErrorClass::ConnectionLost, AtCommit::Unknown),
        None => (ErrorClass::Other, AtCommit::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Retry;

    fn words(errno: u16, sqlstate: &str) -> ServerWords<'_> {
        ServerWords { errno, sqlstate, message: "" }
    }

    #[test]
    fn no_table_names_a_code_twice() {
        for table in [mysql::TABLE, galera::TABLE, group_replication::TABLE, oceanbase::TABLE] {
            let mut codes: Vec<_> = table.iter().map(|entry| entry.errno).collect();
            codes.sort_unstable();
            let all = codes.len();
            codes.dedup();
            assert_eq!(codes.len(), all);
        }
    }

    #[test]
    fn a_product_s_own_table_comes_first() {
        let commit = StatementKind::Commit;
        let not_ready = (ErrorClass::NotReady, AtCommit::NotCommitted);
        assert_eq!(classify(Product::Galera, words(1047, "08S01"), commit), not_ready);
        assert_ne!(classify(Product::Plain, words(1047, "08S01"), commit), not_ready);
    }

    #[test]
    fn an_unknown_code_proves_nothing() {
        let answer = classify(Product::Plain, words(9999, "HY000"), StatementKind::Commit);
        assert_eq!(answer, (ErrorClass::Other, AtCommit::Unknown));
        assert_eq!(ErrorClass::Other.retry(), Retry::Never);
    }
}
