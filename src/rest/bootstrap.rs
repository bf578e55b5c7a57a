//! `/v1/bootstrap`: creating a cluster and joining it. Each call acts on the node that receives it.

use crate::rest::call::Call;
use crate::rest::client::Credentials;
use crate::rest::client::FreshNode;
use crate::rest::error::Error;
use crate::rest::error::ErrorKind;
use crate::rest::error::Refusal;
use crate::rest::model::Bootstrap;
use crate::rest::model::JsonMap;
use crate::rest::route;
use crate::rest::session::Session;
use secrecy::ExposeSecret;
use serde_json::json;

/// What a node thinks of the body of a bootstrap call.
#[derive(Clone, Debug, PartialEq)]
pub enum Validation {
    /// It would be tried.
    Valid,
    /// It would fail, for the reason in code and hint.
    Invalid(Refusal),
}

impl FreshNode {
    /// How far its bootstrap is. `None` once it belongs to a cluster: from then on it wants credentials.
    pub async fn bootstrap(&self) -> Result<Option<Bootstrap>, Error> {
        match self.send(&Call::new(&route::BOOTSTRAP, &[])).await {
            Ok(answer) => answer.object().map(Some),
            Err(error) if error.status() == Some(401) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Starts a new cluster with this node. `body` is everything but the credentials, which become the administrator's, and
    /// the licence. Success says only that it was begun: [`FreshNode::bootstrap`] tells the rest.
    pub async fn create_cluster(
        &self,
        body: JsonMap,
        credentials: &Credentials,
        license: Option<&str>,
    ) -> Result<(), Error> {
        let mut body = signed(body, "create_cluster", credentials);
        if let Some(license) = license {
            body.insert("license".to_owned(), json!(license));
        }
        self.send(&Call::new(&route::CREATE_CLUSTER, &[]).body(body))
            .await?
            .done()
    }

    /// Makes this node join the cluster that `body` names. `credentials` are the administrator's. Success says only that it
    /// was begun.
    pub async fn join_cluster(&self, body: JsonMap, credentials: &Credentials) -> Result<(), Error> {
        let body = signed(body, "join_cluster", credentials);
        self.send(&Call::new(&route::JOIN_CLUSTER, &[]).body(body))
            .await?
            .done()
    }

    /// Asks what would become of `action` (`create_cluster`, `join_cluster`) with this body; changes nothing.
    pub async fn validate(
        &self,
        action: &str,
        body: JsonMap,
        credentials: &Credentials,
    ) -> Result<Validation, Error> {
        let body = signed(body, action, credentials);
        match self
            .send(&Call::new(&route::VALIDATE_BOOTSTRAP, &[&action]).body(body))
            .await
        {
            Ok(answer) => answer.done().map(|()| Validation::Valid),
            Err(Error {
                kind: ErrorKind::Refused(refusal),
                ..
            }) if refusal.status == 406 => Ok(Validation::Invalid(refusal)),
            Err(error) => Err(error),
        }
    }
}

impl Session {
    /// How far the bootstrap of the member asked is; [`Session::only`] chooses the member.
    pub async fn bootstrap(&self) -> Result<Bootstrap, Error> {
        self.send(&Call::new(&route::BOOTSTRAP, &[])).await?.object()
    }
}

fn signed(mut body: JsonMap, action: &str, credentials: &Credentials) -> JsonMap {
    let Credentials { username, password } = credentials;
    body.insert("action".to_owned(), json!(action));
    body.insert(
        "credentials".to_owned(),
        json!({"username": username, "password": password.expose_secret()}),
    );
    body
}
