//! A Redis Enterprise cluster in memory.
