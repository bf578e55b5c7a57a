//! Checks on uploaded certificates.
