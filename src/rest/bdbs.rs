//! `/v1/bdbs`: databases, their passwords and their memory in use.

use crate::rest::call::Call;
use crate::rest::call::absent;
use crate::rest::error::Error;
use crate::rest::model::Bdb;
use crate::rest::model::BdbUid;
use crate::rest::model::JsonMap;
use crate::rest::route;
use crate::rest::route::Route;
use crate::rest::session::Session;
use secrecy::ExposeSecret;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Stats {
    used_memory: Option<f64>,
}

impl Session {
    /// Every database, with all its fields.
    pub async fn bdbs(&self) -> Result<Vec<Bdb>, Error> {
        self.send(&Call::new(&route::BDBS, &[])).await?.list()
    }

    /// Every database, with these fields beside uid, name, status and tags.
    pub async fn bdbs_with(&self, fields: &[&str]) -> Result<Vec<Bdb>, Error> {
        let fields = [&["uid", "name", "status", "tags"], fields].concat();
        self.send(&Call::new(&route::BDBS, &[]).query("fields", &fields))
            .await?
            .list()
    }

    /// One database; `None` when there is none with that uid.
    pub async fn bdb(&self, bdb: BdbUid) -> Result<Option<Bdb>, Error> {
        let answer = absent(self.send(&Call::new(&route::BDB, &[&bdb])).await)?;
        answer.map(|answer| answer.object()).transpose()
    }

    /// Creates a database and returns it as it is being created. Never to be repeated: a second call makes a second one.
    pub async fn create_bdb(&self, body: JsonMap) -> Result<Bdb, Error> {
        self.send(&Call::new(&route::CREATE_BDB, &[]).body(body))
            .await?
            .object()
    }

    /// Changes the fields in `body`.
    pub async fn update_bdb(&self, bdb: BdbUid, body: JsonMap) -> Result<(), Error> {
        self.send(&Call::new(&route::UPDATE_BDB, &[&bdb]).body(body))
            .await?
            .done()
    }

    /// Starts deleting a database and everything in it.
    pub async fn delete_bdb(&self, bdb: BdbUid) -> Result<(), Error> {
        self.send(&Call::new(&route::DELETE_BDB, &[&bdb])).await?.done()
    }

    /// Accepts a password beside those in force.
    pub async fn add_password(&self, bdb: BdbUid, password: &SecretString) -> Result<(), Error> {
        self.send_password(&route::ADD_PASSWORD, bdb, password).await
    }

    /// Accepts this password and no other.
    pub async fn replace_passwords(&self, bdb: BdbUid, password: &SecretString) -> Result<(), Error> {
        self.send_password(&route::REPLACE_PASSWORDS, bdb, password).await
    }

    /// Accepts this password no longer.
    pub async fn remove_password(&self, bdb: BdbUid, password: &SecretString) -> Result<(), Error> {
        self.send_password(&route::REMOVE_PASSWORD, bdb, password).await
    }

    async fn send_password(
        &self,
        route: &'static Route,
        bdb: BdbUid,
        password: &SecretString,
    ) -> Result<(), Error> {
        let body = JsonMap::from_iter([("password".to_owned(), json!(password.expose_secret()))]);
        self.send(&Call::new(route, &[&bdb]).body(body)).await?.done()
    }

    /// Memory in use by a database, in bytes, as last measured; `None` when there is no measurement: the database is new,
    /// not active, or gone.
    pub async fn used_memory_bytes(&self, bdb: BdbUid) -> Result<Option<u64>, Error> {
        let call = Call::new(&route::BDB_STATS, &[&bdb]).query("metrics", &["used_memory"]);
        let answer = match absent(self.send(&call).await) {
            Ok(Some(answer)) => answer,
            Ok(None) => return Ok(None),
            Err(error) if error.status() == Some(406) => return Ok(None),
            Err(error) => return Err(error),
        };
        let stats: BTreeMap<BdbUid, Stats> = answer.object()?;
        Ok(stats
            .get(&bdb)
            .and_then(|stats| stats.used_memory)
            .map(whole_bytes))
    }
}

/// Statistics are always fractions on the wire.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and memory is not negative"
)]
fn whole_bytes(bytes: f64) -> u64 {
    bytes.ceil() as u64
}
