//! Who uses the addresses on which `resim` serves by default: one test at a time, in whichever process.

use std::fs::File;

/// Waits for the turn, and holds it until it is dropped.
pub fn turn() -> File {
    let path = std::env::temp_dir().join("resim-default-addresses.lock");
    let file = File::create(&path).unwrap();
    file.lock().unwrap();
    file
}
