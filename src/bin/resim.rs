//! `resim`.
fn main() {}
