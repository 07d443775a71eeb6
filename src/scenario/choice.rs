//! What can be chosen by name.

use crate::spelling::spelled;

spelled! {
    /// A database product, which picks the adapter and the error table.
    pub enum Product {
        /// OceanBase.
        OceanBase = "oceanbase",
        /// MariaDB Galera Cluster.
        Galera = "galera",
        /// MySQL Group Replication.
        GroupReplication = "group-replication",
        /// Any server that speaks the MySQL protocol; zones are observed by ping alone.
        Plain = "plain",
    }
}

spelled! {
    /// How arrivals are made.
    pub enum LoadModel {
        /// Open loop: arrival times are computed ahead, never from completions.
        Rate = "rate",
        /// Closed loop without waits.
        Max = "max",
        /// TPC-C keying and think times (clause 5.2.5.7).
        Spec = "spec",
    }
}

spelled! {
    /// Spacing of arrivals in the `rate` model.
    pub enum Arrivals {
        /// Evenly spaced.
        Constant = "constant",
        /// Exponentially distributed spacing.
        Poisson = "poisson",
    }
}

spelled! {
    /// How terminals choose an endpoint.
    pub enum Routing {
        /// Home zone first, then the others; back home with a delay.
        Failover = "failover",
        /// Never leave the home zone.
        Pinned = "pinned",
        /// One address for all.
        Proxy = "proxy",
    }
}

spelled! {
    /// Whether failed attempts are repeated within the deadline.
    pub enum RetryPolicy {
        /// As the error class allows.
        Deadline = "deadline",
        /// Never: measures the raw cluster.
        None = "none",
    }
}

spelled! {
    /// Transaction isolation of the load.
    pub enum Isolation {
        /// READ COMMITTED: the transactions lock what they must.
        ReadCommitted = "read-committed",
        /// REPEATABLE READ.
        RepeatableRead = "repeatable-read",
    }
}

impl Isolation {
    /// The level's name in SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
        }
    }
}
