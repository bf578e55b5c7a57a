//! Publishes Events: one for each thing that happened. The same thing again is counted in the same Event.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::Event;
use kube::runtime::events::Recorder;
use kube::runtime::events::Reporter;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Wordings that are remembered. What is forgotten is told by a new Event when it happens again.
const REMEMBERED: usize = 64;

/// Publishes Events.
///
/// A recorder takes all Events of one object and reason for the same and shows the words of the first: of three nodes that
/// join, two would not be told. So each wording has a recorder of its own.
pub struct Events {
    client: Client,
    reporter: Reporter,
    by_note: Mutex<VecDeque<(Option<String>, Recorder)>>,
}

impl Events {
    /// Publishes in the name of `reporter`.
    pub fn new(client: Client, reporter: Reporter) -> Self {
        Self {
            client,
            reporter,
            by_note: Mutex::default(),
        }
    }

    /// Publishes one about an object.
    ///
    /// # Errors
    /// When the API server does not take it.
    pub async fn publish(&self, event: &Event, about: &ObjectReference) -> Result<(), kube::Error> {
        self.recorder(&event.note).publish(event, about).await
    }

    fn recorder(&self, note: &Option<String>) -> Recorder {
        let mut by_note = self.by_note.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = by_note.iter().find(|(known, _)| known == note) {
            return known.clone();
        }
        let recorder = Recorder::new(self.client.clone(), self.reporter.clone());
        if by_note.len() >= REMEMBERED {
            by_note.pop_front();
        }
        by_note.push_back((note.clone(), recorder.clone()));
        recorder
    }
}
