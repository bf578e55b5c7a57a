//! `regent`. 
fn main() {}
