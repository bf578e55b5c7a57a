//! `regent`.
fn main() {}
