//! `/v1/actions`: everything that is under way.

use crate::rest::call::Call;
use crate::rest::error::Error;
use crate::rest::model::Actions;
use crate::rest::route;
use crate::rest::session::Session;

impl Session {
    /// What the cluster is busy with, and what it finished of late.
    pub async fn actions(&self) -> Result<Actions, Error> {
        self.send(&Call::new(&route::ACTIONS, &[])).await?.object()
    }
}
