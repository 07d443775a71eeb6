//! What may be done about a failure of each class.

use crate::event::ErrorClass;

/// Where a failed attempt may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not at all: it would fail again, or hide a defect.
    Never,
    /// At the same endpoint: the transaction was unlucky, the node is fine.
    SameEndpoint,
    /// At another endpoint: this one does not serve.
    OtherEndpoint,
}

impl ErrorClass {
    /// Where an attempt that failed this way may be repeated.
    pub fn retry(self) -> Retry {
        match self {
            Self::Deadlock | Self::LockWait | Self::Conflict | Self::RolledBack => {
                Retry::SameEndpoint
            }
            Self::Refused
            | Self::ConnectTimeout
            | Self::ConnectionLost
            | Self::Deadline
            | Self::ReadOnly
            | Self::NotReady
            | Self::ShuttingDown
            | Self::NotPrimary
            | Self::Overload => Retry::OtherEndpoint,
            Self::Auth | Self::Schema | Self::Data | Self::Other => Retry::Never,
        }
    }

    /// Whether the connection can be used again after a ROLLBACK.
    pub fn keeps_connection(self) -> bool {
        self.retry() == Retry::SameEndpoint || matches!(self, Self::Data | Self::Schema)
    }
}
