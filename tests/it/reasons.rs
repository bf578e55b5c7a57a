//! Every reason is shown by a snapshot: of a plan, where a planner gives it, or of a report.

use regent::api::Reason;
use std::fs;
use std::path::Path;
use strum::IntoEnumIterator;

/// Reasons that no planner gives: they are made of a failed call, and only reports speak of them.
const OF_FAILURES: &[Reason] = &[
    Reason::LicenseLimit,
    Reason::Rejected,
    Reason::InternalError,
    Reason::Busy,
];

/// A reason that plans wait with while a call's effect is announced, before anything is planned again.
const OF_ANNOUNCEMENTS: &[Reason] = &[Reason::Rotating];

#[test]
fn every_reason_of_a_hold_or_wait_stands_in_a_snapshot() {
    let (plans, reports) = (text("src/plan"), text("src/report"));
    for reason in Reason::iter() {
        let shown = if OF_FAILURES.contains(&reason) || OF_ANNOUNCEMENTS.contains(&reason) {
            reports
                .iter()
                .any(|line| line.contains(&format!(" {reason:?}: ")))
        } else {
            plans.iter().any(|line| {
                let line = line.trim_start();
                (line.starts_with("hold  ") || line.starts_with("wait  "))
                    && line.contains(&format!(": {reason:?} ("))
            })
        };
        assert!(
            shown,
            "no snapshot shows {reason:?}; add a test that brings it about"
        );
    }
}

/// Every line of every source file in the folder.
fn text(folder: &str) -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut lines = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                lines.extend(fs::read_to_string(&path).unwrap().lines().map(str::to_owned));
            }
        }
    }
    lines
}
