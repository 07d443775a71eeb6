//! One renderer a file: each turns an analysis and its verdict into bytes and does no I/O.
