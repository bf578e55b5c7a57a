//! Events: what happened, once, when it happens.

use crate::api::Condition;
use crate::report::EventNote;
use crate::report::condition::STALLED;
use crate::report::condition::last;

/// Something that went as it should.
pub(super) fn normal(reason: &str, action: &'static str, note: impl Into<String>) -> EventNote {
    EventNote {
        warning: false,
        reason: reason.to_owned(),
        action,
        note: note.into(),
    }
}

/// Something that somebody should know.
pub(super) fn warning(reason: &str, action: &'static str, note: impl Into<String>) -> EventNote {
    EventNote {
        warning: true,
        reason: reason.to_owned(),
        action,
        note: note.into(),
    }
}

/// Says why the object began to need a human, or needs one for another reason than before.
pub(super) fn stalled(before: &[Condition], after: &[Condition]) -> Option<EventNote> {
    let now = last(after, STALLED)?;
    let known = last(before, STALLED).is_some_and(|last| last.reason == now.reason);
    (!known).then(|| warning(&now.reason, "Reconcile", now.message.clone()))
}
