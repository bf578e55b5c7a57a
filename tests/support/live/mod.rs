//! Real processes for tests and the demo: a control plane, `resim` and `regent`, each ended with its owner.

#![allow(dead_code, reason = "the demo and the tests each use a part")]

pub mod audit;
pub mod certificates;
pub mod controlplane;
pub mod objects;
pub mod operator;
pub mod process;
pub mod quiet;
pub mod resim;

use std::future::Future;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

/// What a fixture or the demo ends with when something is wrong: words for a person.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Asks again and again until the answer is there, or fails with the last reason when the time is over.
pub async fn eventually<T, F>(what: &str, limit: Duration, mut ask: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<std::result::Result<T, String>>>,
{
    let end = Instant::now() + limit;
    loop {
        let reason = match ask().await? {
            Ok(answer) => return Ok(answer),
            Err(reason) => reason,
        };
        if Instant::now() > end {
            return Err(format!("{what}: not within {} s: {reason}", limit.as_secs()).into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A file under `target/`.
pub fn target(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(name)
}

/// An empty folder of its own below `target/`, for one run.
pub fn scratch(name: &str) -> Result<PathBuf> {
    let folder = target("scratch").join(format!("{name}-{}", std::process::id()));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
