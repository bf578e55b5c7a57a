//! `/v1/shards`: which shard of which database is on which node.

use crate::rest::call::Call;
use crate::rest::error::Error;
use crate::rest::model::Shard;
use crate::rest::route;
use crate::rest::session::Session;

impl Session {
    /// Every shard.
    pub async fn shards(&self) -> Result<Vec<Shard>, Error> {
        self.send(&Call::new(&route::SHARDS, &[])).await?.list()
    }
}
