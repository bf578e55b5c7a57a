//! `/v1/cluster`: settings, policy, and which node leads.

use crate::rest::call::Call;
use crate::rest::error::Error;
use crate::rest::model::Cluster;
use crate::rest::model::JsonMap;
use crate::rest::model::NodeUid;
use crate::rest::route;
use crate::rest::session::Session;
use serde_json::json;

impl Session {
    /// The cluster and its settings.
    pub async fn cluster(&self) -> Result<Cluster, Error> {
        self.send(&Call::new(&route::CLUSTER, &[])).await?.object()
    }

    /// Changes the settings in `body`. Some of them reload the front end, which may cut the answer off.
    pub async fn update_cluster(&self, body: JsonMap) -> Result<(), Error> {
        self.send(&Call::new(&route::UPDATE_CLUSTER, &[]).body(body))
            .await?
            .done()
    }

    /// The policy.
    pub async fn policy(&self) -> Result<JsonMap, Error> {
        self.send(&Call::new(&route::POLICY, &[])).await?.object()
    }

    /// Changes the policy fields in `body`.
    pub async fn update_policy(&self, body: JsonMap) -> Result<(), Error> {
        self.send(&Call::new(&route::UPDATE_POLICY, &[]).body(body))
            .await?
            .done()
    }

    /// Starts making `node` the primary one. Redirects and 503 are to be expected while the lead moves.
    pub async fn change_master(&self, node: NodeUid) -> Result<(), Error> {
        let body = JsonMap::from_iter([("node_uid".to_owned(), json!(node.to_string()))]);
        self.send(&Call::new(&route::CHANGE_MASTER, &[]).body(body))
            .await?
            .done()
    }
}
