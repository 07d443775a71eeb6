//! The workload: TPC-C revision 5.11 as an availability load.
